from __future__ import annotations

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from napari_localdisc.reports.palette import DISTINCT, cluster_colour, palette

# Machado, Oliveira and Fernandes (2009) at full severity, on linear RGB.
EYES = {
    "common": np.eye(3),
    "protanope": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranope": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanope": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
    # Viénot, Brettel and Mollon (1999): another model of the two common kinds.
    "protanope (Viénot)": [
        [0.11238, 0.88762, 0],
        [0.11238, 0.88762, 0],
        [0.00401, -0.00401, 1],
    ],
    "deuteranope (Viénot)": [
        [0.29275, 0.70725, 0],
        [0.29275, 0.70725, 0],
        [-0.02234, 0.02234, 1],
    ],
}


def seen(rgb: np.ndarray, eye: str) -> np.ndarray:
    """Lab colours as an eye has them."""
    levels = rgb / 255.0
    linear = np.where(levels <= 0.04045, levels / 12.92, ((levels + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ np.transpose(EYES[eye]), 0, 1)
    return rgb2lab(
        np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    )


@pytest.mark.parametrize("eye", EYES)
@pytest.mark.parametrize(("count", "least"), [(16, 10), (DISTINCT, 7.9)])
def test_any_two_clusters_differ_for_every_eye(eye, count, least):
    lab = seen(np.array([cluster_colour(label) for label in range(count + 1)]), eye)
    distances = deltaE_ciede2000(lab[:, None], lab[None]) + 1000 * np.eye(len(lab))
    assert distances.min() > least


def test_black_is_outside_and_the_palette_is_whole():
    assert cluster_colour(0) == (0, 0, 0)
    assert len({cluster_colour(label) for label in range(DISTINCT + 1)}) == DISTINCT + 1
    assert len(palette()) == 768
    assert all(0 <= level <= 255 for level in palette())
    assert tuple(palette()[3:6]) == cluster_colour(1)
