"""Lungs of frontal chest X-rays, drawn from textbook anatomy.

Each lung is an outline through landmarks in a chest frame: x runs from the midline (0) to the
widest point of the rib cage (1), y from the apex (0) to the costophrenic angle (1). The outline has
two smooth parts that meet in the two pointed angles of a lung: the ribs and mediastinum, and the
diaphragm.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_localdisc.core.priors.raster import Mask, Points, fill_outline, smooth_curve

_RIBS = np.array(
    [
        (0.56, 0.035),  # first rib
        (0.71, 0.13),
        (0.83, 0.28),
        (0.92, 0.46),
        (0.975, 0.66),
        (1.0, 0.84),
        (0.985, 1.0),  # costophrenic angle
    ]
)
_RIGHT_MEDIASTINUM = np.array(
    [
        (0.205, 0.885),  # cardiophrenic angle
        (0.225, 0.76),  # right atrium
        (0.215, 0.62),
        (0.18, 0.48),  # hilum
        (0.155, 0.34),  # superior vena cava
        (0.145, 0.2),
        (0.17, 0.1),  # trachea
        (0.25, 0.025),
        (0.38, 0.0),  # apex
    ]
)
_LEFT_MEDIASTINUM = np.array(
    [
        (0.5, 0.905),  # cardiophrenic angle
        (0.515, 0.82),  # apex of the heart
        (0.45, 0.69),  # left ventricle
        (0.335, 0.57),
        (0.235, 0.47),  # left atrium
        (0.195, 0.39),  # aortic window
        (0.215, 0.31),  # aortic knob
        (0.2, 0.23),
        (0.155, 0.16),  # subclavian artery
        (0.175, 0.085),
        (0.25, 0.025),
        (0.38, 0.0),  # apex
    ]
)
_RIGHT_DOME = np.array([(0.9, 0.935), (0.77, 0.87), (0.61, 0.835), (0.45, 0.835), (0.32, 0.855)])
_LEFT_DOME = np.array([(0.9, 0.945), (0.81, 0.9), (0.71, 0.88), (0.61, 0.883)])


@dataclass(frozen=True)
class _Chest:
    """Normal variation of a chest; 0 or 1 is the textbook's."""

    half_width: float
    height: float
    heart: float
    atrium: float
    mediastinum: float
    dome: float
    blunting: tuple[float, float]
    tilt: float
    lean: float
    left_drop: float
    left_width: float


def _random_chest(rng: np.random.Generator) -> _Chest:
    # One breath moves height, heart and domes together: shallow ones are squat with a wide heart.
    breath = rng.normal()
    width = np.clip(rng.normal(0.72, 0.06), 0.57, 0.88)
    aspect = np.clip(0.88 + 0.1 * breath + rng.normal(0.0, 0.04), 0.62, 1.1)
    blunt = np.where(rng.random(2) < 0.1, rng.uniform(0.03, 0.13, 2), 0.0)
    return _Chest(
        half_width=float(width) / 2,
        height=float(np.clip(width * aspect, 0.42, 0.80)),
        heart=float(np.clip(rng.normal(0.0, 0.055) - 0.02 * breath, -0.12, 0.16)),
        atrium=float(np.clip(rng.normal(0.0, 0.025) - 0.01 * breath, -0.05, 0.08)),
        mediastinum=float(np.clip(rng.normal(0.0, 0.02), -0.03, 0.06)),
        dome=float(np.clip(rng.normal(1.0, 0.25) - 0.1 * breath, 0.4, 1.6)),
        blunting=(float(blunt[0]), float(blunt[1])),
        tilt=float(rng.normal(0.0, np.radians(2.0))),
        lean=float(rng.normal(0.0, 0.02)),
        left_drop=float(rng.normal(0.025, 0.025)),
        left_width=float(np.clip(rng.normal(0.97, 0.04), 0.86, 1.06)),
    )


def _jitter(points: Points, rng: np.random.Generator, spread: float = 0.010) -> Points:
    """Move control points, neighbours partly together."""
    steps = rng.normal(0.0, spread, points.shape)
    smooth = steps.copy()
    smooth[1:] += steps[:-1]
    return np.asarray(points + smooth / np.sqrt(2.0))


def _bulge(points: Points, amount: float, level: float, reach: float) -> Points:
    """Push a mediastinal border sideways, most of all at one level."""
    moved = points.copy()
    moved[:, 0] += amount * np.exp(-(((points[:, 1] - level) / reach) ** 2))
    return moved


def _lung_outline(
    chest: _Chest, mediastinum: Points, dome: Points, blunting: float, rng: np.random.Generator
) -> Points:
    """One lung's closed outline in the chest frame."""
    wide = mediastinum + (chest.mediastinum, 0.0) * (mediastinum[:, 1:] < 0.45)
    border = _jitter(np.concatenate([wide, _RIBS]), rng)
    angle, corner = border[-1], border[0]
    flat = angle + (corner - angle) * ((dome[:, :1] - 0.98) / (corner[0] - 0.98))
    arch = flat + (0.0, 1.0) * (dome - flat) * chest.dome
    floor = np.concatenate([[angle], _jitter(arch, rng, 0.006), [corner]])
    outline = np.concatenate([smooth_curve(border, 200), smooth_curve(floor, 80)[1:-1]])
    fluid = outline[:, 1].max() - blunting * (0.5 + 0.5 * outline[:, 0])
    outline[:, 1] = np.minimum(outline[:, 1], fluid)
    return outline


def _pair_outlines(rng: np.random.Generator) -> tuple[Points, Points]:
    """Outlines of the right and the left lung in fractions of the frame."""
    chest = _random_chest(rng)
    right = _bulge(_RIGHT_MEDIASTINUM, chest.atrium, 0.68, 0.2)
    left = _bulge(_LEFT_MEDIASTINUM, chest.heart, 0.76, 0.22)
    left_dome = _LEFT_DOME + (1.0, 0.0) * (chest.heart * (0.98 - _LEFT_DOME[:, :1]) / 0.45)
    outlines = []
    for side, outline in (
        (-1.0, _lung_outline(chest, right, _RIGHT_DOME, chest.blunting[0], rng)),
        (1.0, _lung_outline(chest, left, left_dome, chest.blunting[1], rng)),
    ):
        if side > 0:
            outline = outline * (chest.left_width, 1.0) + (0.0, chest.left_drop) * outline[:, 1:]
        outline = outline * (side * chest.half_width, chest.height)
        outlines.append(outline + (chest.lean, 0.0) * (outline[:, 1:] - chest.height / 2))
    return _place(outlines, chest.tilt, rng)


def _place(outlines: list[Points], tilt: float, rng: np.random.Generator) -> tuple[Points, Points]:
    """Turn the pair, and shift it to where a radiographer would have it, inside the frame."""
    turn = np.array([[np.cos(tilt), np.sin(tilt)], [-np.sin(tilt), np.cos(tilt)]])
    right, left = (outline @ turn for outline in outlines)
    both = np.concatenate([right, left])
    low, high = both.min(axis=0), both.max(axis=0)
    middle = np.array([0.5, 0.48]) + rng.normal(0.0, 0.03, 2)
    room = np.maximum(0.485 - (high - low) / 2, 0.0)
    shift = np.clip(middle, 0.5 - room, 0.5 + room) - (low + high) / 2
    return right + shift, left + shift


def simulate_lung_pairs(count: int, rng: np.random.Generator, size: int) -> Mask:
    """Right and left lung as two targets, shape (count, 2, size, size).

    The right lung lies on the left of the picture, as in an X-ray on the light box.
    """
    masks: npt.NDArray[np.bool_] = np.zeros((count, 2, size, size), dtype=np.bool_)
    for index in range(count):
        for target, outline in enumerate(_pair_outlines(rng)):
            masks[index, target] = fill_outline(outline * size - 0.5, size)
    return masks


def simulate_lungs(count: int, rng: np.random.Generator, size: int) -> Mask:
    """Both lungs in one mask, shape (count, 1, size, size)."""
    return np.asarray(simulate_lung_pairs(count, rng, size).any(axis=1, keepdims=True))
