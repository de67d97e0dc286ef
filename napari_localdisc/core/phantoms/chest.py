"""Bones and lung vessels of X-ray phantoms, placed relative to the lungs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import binary_erosion, gaussian_filter

from napari_localdisc.core.phantoms.canvas import Floats, Mask
from napari_localdisc.core.priors.raster import Points, smooth_curve, stamp_discs


@dataclass(frozen=True)
class Chest:
    """Size and place of the chest around the lungs, in pixels."""

    middle: float
    half_width: float
    top: float
    height: float


def measure_chest(right: Mask, left: Mask) -> Chest:
    """Measure the chest around the lungs."""
    rows, columns = np.nonzero(right | left)
    gap = (np.nonzero(right)[1].max() + np.nonzero(left)[1].min()) / 2
    return Chest(
        middle=float(gap),
        half_width=float(np.ptp(columns) / 2),
        top=float(rows.min()),
        height=float(np.ptp(rows)),
    )


def bones(chest: Chest, size: int, rng: np.random.Generator) -> Floats:
    """Ribs and collar bones, denser at their edges."""
    total = np.zeros((size, size))
    calibre = rng.uniform(0.010, 0.013) * size
    strength = rng.uniform(0.8, 1.3)
    for side in (-1.0, 1.0):
        for rib in range(9):
            behind, before = _rib(chest, side, rib, rng)
            total += 0.085 * strength * _tube(behind, calibre, size)
            if rib < 7:
                total += 0.05 * strength * _tube(before, 1.15 * calibre, size)
        total += 0.09 * strength * _tube(_collar_bone(chest, side, rng), 1.3 * calibre, size)
    return np.asarray(gaussian_filter(total, 0.002 * size))


def _rib(chest: Chest, side: float, rib: int, rng: np.random.Generator) -> tuple[Points, Points]:
    """Course of a rib behind and in front of the lung: out and slightly down, then in and down."""
    level = 0.015 + 0.092 * rib
    reach = np.sqrt(1.0 - (1.0 - min(level + 0.2, 1.0)) ** 2.2) * 1.03
    angle = np.radians(np.linspace(8.0, 150.0, 120))
    x = chest.middle + side * chest.half_width * reach * np.sin(angle)
    hump = 0.05 * np.sin(np.minimum(2 * angle, np.pi))
    fall = (0.08 + 0.012 * rib) * (angle / (np.pi / 2)) ** 1.7
    y = chest.top + chest.height * (level - hump + fall) + rng.normal(0.0, 0.004 * chest.height)
    course = np.stack([x, y], axis=1)
    turn = int(np.searchsorted(angle, np.pi / 2))
    return course[: turn + 1], course[turn:]


def _collar_bone(chest: Chest, side: float, rng: np.random.Generator) -> Points:
    lift = rng.normal(0.0, 0.02)
    landmarks = np.array([(0.12, 0.17), (0.4, 0.12), (0.75, 0.06 - lift), (1.15, -0.02 - lift)])
    points = landmarks * (side * chest.half_width, chest.height) + (chest.middle, chest.top)
    return smooth_curve(points, 160)


def _tube(course: Points, radius: float, size: int) -> Floats:
    """Draw a bone along a course: a filled band with a denser cortex."""
    band = _band(course, np.full(len(course), radius), size)
    cortex = band & ~binary_erosion(band, iterations=max(1, round(0.3 * radius)))
    return np.asarray(0.65 * band + 0.5 * cortex)


def _band(course: Points, radii: Floats, size: int) -> Mask:
    """Fill a band of changing width along a course."""
    canvas = np.zeros((1, size, size), dtype=np.bool_)
    fine = np.linspace(0.0, len(course) - 1.0, 3 * len(course))
    steps = np.arange(len(course))
    points = np.stack([np.interp(fine, steps, axis) for axis in course.T], axis=1)
    number = np.zeros(len(points), dtype=np.int64)
    stamp_discs(canvas, number, points, np.interp(fine, steps, radii))
    return np.asarray(canvas[0])


def lung_vessels(chest: Chest, right: Mask, left: Mask, rng: np.random.Generator) -> Floats:
    """Vessels that fan out from the roots of the lungs."""
    size = len(right)
    total = np.zeros((size, size))
    for side, lung in ((-1.0, right), (1.0, left)):
        root = np.array(
            [chest.middle + side * 0.2 * chest.half_width, chest.top + 0.47 * chest.height]
        )
        for _ in range(16):
            angle = np.radians(rng.uniform(-80.0, 80.0))
            reach = rng.uniform(0.3, 0.75) * chest.half_width
            way = np.linspace(0.0, 1.0, 5)[:, None] * reach
            landmarks = root + way * (side * np.cos(angle), np.sin(angle))
            landmarks += rng.normal(0.0, 0.012 * size, landmarks.shape)
            radii = np.linspace(0.008, 0.001, 120) * size
            total += _band(smooth_curve(landmarks, 120), radii, size) & lung
    return np.asarray(0.06 * np.sqrt(gaussian_filter(total, 0.003 * size)))
