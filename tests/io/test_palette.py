from __future__ import annotations

import itertools

import numpy as np
from skimage.color import rgb2lab

from napari_localdisc.io.palette import cluster_colour, palette

# Viénot, Brettel and Mollon (1999): what deuteranopes and protanopes see, in linear RGB.
_DEUTAN = np.array([[0.29275, 0.70725, 0], [0.29275, 0.70725, 0], [-0.02234, 0.02234, 1]])
_PROTAN = np.array([[0.11238, 0.88762, 0], [0.11238, 0.88762, 0], [0.00401, -0.00401, 1]])


def seen(rgb: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Lab colours as colour-blind eyes have them."""
    linear = (rgb / 255.0) ** 2.2
    return rgb2lab(np.clip(linear @ matrix.T, 0, 1) ** (1 / 2.2))


def test_neighbouring_clusters_differ_for_every_eye():
    colours = np.array([cluster_colour(label) for label in range(17)])
    for matrix in (np.eye(3), _DEUTAN, _PROTAN):
        lab = seen(colours, matrix)
        for one, other in itertools.combinations(range(17), 2):
            assert np.linalg.norm(lab[one] - lab[other]) > 8, (one, other)


def test_black_is_outside_and_the_palette_is_whole():
    assert cluster_colour(0) == (0, 0, 0)
    assert len({cluster_colour(label) for label in range(25)}) == 25
    assert len(palette()) == 768
    assert all(0 <= level <= 255 for level in palette())
    assert tuple(palette()[3:6]) == cluster_colour(1)
