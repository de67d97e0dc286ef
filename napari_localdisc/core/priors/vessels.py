"""Simulated masks of retinal vessels, like manual tracings of fundus photographs."""

from __future__ import annotations

import numpy as np

from napari_localdisc.core.priors.raster import Mask, stamp_discs
from napari_localdisc.core.priors.retina import FRAME, Eyes, Floats, field_of_view, random_eyes
from napari_localdisc.core.priors.vessel_growth import STEP
from napari_localdisc.core.priors.vessel_trees import Trees, grow_trees

BATCH = 32
"""Eyes that grow at once; bounds the memory that many references take."""


def draw_trees(trees: Trees, count: int, size: int) -> Mask:
    """Draw branches at their calibre, shape (count, size, size)."""
    scale = size / FRAME
    fine = max(1, int(np.ceil(STEP * scale)))
    between = np.linspace(0.0, 1.0, fine, endpoint=False)[:, None, None, None]
    drawn = trees.valid[:, 1:]
    paths = trees.paths[:, :-1] + between * np.diff(trees.paths, axis=1)
    points = paths[:, drawn]
    radii = np.broadcast_to(np.cbrt(trees.cubes[:, :-1])[drawn], points.shape[:2])
    eye = np.broadcast_to(trees.eye[:, None], drawn.shape)[drawn]
    canvas = np.zeros((count, size, size), dtype=np.bool_)
    stamp_discs(
        canvas,
        np.tile(eye, fine),
        points.reshape(-1, 2) * scale - 0.5,
        radii.reshape(-1) * scale,
    )
    return canvas


def draw_vessels(eyes: Eyes, cover: Floats, rng: np.random.Generator, size: int) -> Mask:
    """Vessel masks of given eyes, clipped to their fields of view, shape (N, size, size)."""
    trees = grow_trees(eyes, cover, rng)
    return draw_trees(trees, len(eyes.radius), size) & field_of_view(eyes, size)


def simulate_vessels(count: int, rng: np.random.Generator, size: int) -> Mask:
    """Draw one eye's vessels in each mask, shape (count, 1, size, size)."""
    masks = np.zeros((count, 1, size, size), dtype=np.bool_)
    for start in range(0, count, BATCH):
        eyes = random_eyes(min(BATCH, count - start), rng)
        cover = rng.uniform(0.14, 0.18, len(eyes.radius))
        masks[start : start + BATCH, 0] = draw_vessels(eyes, cover, rng, size)
    return masks
