"""Growth of vessel branches, all tips of all eyes one step at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from napari_localdisc.core.priors.retina import FRAME, Eyes, Floats

STEP = 2.0
"""Pixels a tip advances in one step."""
CELL = 4.0
"""Pixels of a side of the cells in which tips look for vessels in their way."""

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Sprouts:
    """B branches that are about to grow, one row each.

    Attributes
    ----------
    eye, parent : ndarray of int, shape (B,)
        Row of the eye, and number of the branch it leaves (-1 for trunks).
    start : ndarray, shape (B, 2)
        Where it leaves (x, y).
    heading : ndarray, shape (B,)
        Direction in radians.
    length, radius : ndarray, shape (B,)
        How far it would grow, and half its calibre at the start, in pixels.
    pull : ndarray, shape (B, 3)
        Weights of what steers it: the arcade, the fovea, its first heading.
    arcade : ndarray, shape (B, 3)
        Half axes of its arcade in disc diameters, and the side (1 or -1) of it.
    crosses : ndarray of bool, shape (B,)
        It crosses other vessels instead of ending before them.
    """

    eye: Ints
    parent: Ints
    start: Floats
    heading: Floats
    length: Floats
    radius: Floats
    pull: Floats
    arcade: Floats
    crosses: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.eye)

    @classmethod
    def concatenated(cls, parts: Sequence[Sprouts]) -> Sprouts:
        """Put the rows of several one after another."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))

    def select(self, rows: npt.NDArray[np.generic]) -> Sprouts:
        """Take some rows."""
        return Sprouts(*(getattr(self, item.name)[rows] for item in fields(self)))


class Ground:
    """Occupancy grid: the branch in each cell of each eye."""

    def __init__(self, eyes: int) -> None:
        self.side = int(FRAME / CELL)
        self.owner: Ints = np.full((eyes, self.side, self.side), -1, dtype=np.int64)

    def _cells(self, points: Floats) -> tuple[Ints, Ints]:
        cells = np.clip(points / CELL, 0, self.side - 1).astype(np.int64)
        return cells[:, 1], cells[:, 0]

    def look(self, eye: Ints, points: Floats) -> Ints:
        """Owner of the cells under points, -1 where free."""
        return np.asarray(self.owner[(eye, *self._cells(points))])

    def claim(self, eye: Ints, points: Floats, branch: Ints) -> None:
        """Make branches the owners of the free cells under points."""
        where = (eye, *self._cells(points))
        self.owner[where] = np.where(self.owner[where] < 0, branch, self.owner[where])


def grow(
    sprouts: Sprouts, eyes: Eyes, ground: Ground, first: int, rng: np.random.Generator
) -> tuple[Floats, Ints]:
    """Grow branches to their ends.

    Parameters
    ----------
    sprouts : Sprouts
        Branches to grow.
    eyes : Eyes
        The retinas they grow in.
    ground : Ground
        Occupied cells; updated in place.
    first : int
        Number of the first of these branches.
    rng : numpy.random.Generator
        Source of the wiggles.

    Returns
    -------
    paths : ndarray, shape (B, T, 2)
        Points (x, y), `STEP` apart.
    steps : ndarray of int, shape (B,)
        How many points of each path are valid.
    """
    number = np.arange(first, first + len(sprouts))
    longest = int(np.ceil(sprouts.length.max(initial=STEP) / STEP)) + 1
    paths = np.repeat(sprouts.start[:, None], longest, axis=1)
    steps = np.ones(len(sprouts), dtype=np.int64)
    heading, wiggle, drift = sprouts.heading.copy(), np.zeros(len(sprouts)), np.zeros(len(sprouts))
    spread = eyes.wiggle[sprouts.eye] * np.interp(sprouts.radius, [0.5, 3.0], [0.42, 0.17])
    alive = np.arange(len(sprouts))
    for step in range(1, longest):
        alive = alive[step * STEP <= sprouts.length[alive]]
        if not len(alive):
            break
        tips = sprouts.select(alive)
        here = paths[alive, step - 1]
        drift[alive] = 0.97 * drift[alive] + 0.07 * rng.normal(size=len(alive))
        wanted = _steer(tips, here, eyes) + drift[alive]
        heading[alive] += 0.12 * _wrap(wanted - heading[alive])
        wiggle[alive] = 0.82 * wiggle[alive] + 0.57 * spread[alive] * rng.normal(size=len(alive))
        angle = heading[alive] + wiggle[alive]
        forward = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        there = here + STEP * forward
        free = _may_go(tips, number[alive], here + 1.6 * CELL * forward, step, eyes, ground)
        alive, there = alive[free], there[free]
        paths[alive, step:] = there[:, None]
        steps[alive] = step + 1
        ground.claim(sprouts.eye[alive], there, number[alive])
    return paths, steps


def _wrap(angle: Floats) -> Floats:
    return np.asarray((angle + np.pi) % (2 * np.pi) - np.pi)


def _steer(tips: Sprouts, here: Floats, eyes: Eyes) -> Floats:
    """Directions the tips would take if they did not wiggle."""
    first = np.stack([np.cos(tips.heading), np.sin(tips.heading)], axis=1)
    fovea = eyes.fovea[tips.eye] - here
    fovea /= np.linalg.norm(fovea, axis=1, keepdims=True) + 1e-6
    pulls = np.stack([_arcade_direction(tips, here, eyes), fovea, first])
    wanted = np.einsum("bk,kbd->bd", tips.pull, pulls)
    return np.asarray(np.arctan2(wanted[:, 1], wanted[:, 0]))


def _arcade_direction(tips: Sprouts, here: Floats, eyes: Eyes) -> Floats:
    """Along an ellipse that starts at the disc and goes round the fovea, and back onto it."""
    along = eyes.temporal[tips.eye]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    axes = tips.arcade[:, :2] * eyes.diameter[tips.eye, None]
    place = here - eyes.disc[tips.eye]
    unit = np.stack([(place * along).sum(1) / axes[:, 0] - 1, (place * across).sum(1) / axes[:, 1]])
    outward = unit / axes.T
    outward /= np.linalg.norm(outward, axis=0) + 1e-9
    onward = tips.arcade[:, 2] * np.stack([outward[1], -outward[0]])
    back = np.clip(1.5 * (1 - (unit**2).sum(axis=0)), -1.0, 1.0)
    local = onward + back * outward
    return np.asarray(local[0, :, None] * along + local[1, :, None] * across)


def _may_go(
    tips: Sprouts, number: Ints, ahead: Floats, step: int, eyes: Eyes, ground: Ground
) -> npt.NDArray[np.bool_]:
    """Whether the way is free: no fovea, no edge of the field, no foreign vessel."""
    owner = ground.look(tips.eye, ahead)
    blocked = (owner >= 0) & (owner != number) & (owner != tips.parent)
    to_fovea = np.linalg.norm(ahead - eyes.fovea[tips.eye], axis=1)
    to_middle = np.linalg.norm(ahead - eyes.middle[tips.eye], axis=1)
    inside = (to_middle < eyes.radius[tips.eye] + 8) & ((ahead > -8) & (ahead < FRAME + 8)).all(1)
    settled = step * STEP > 3 * CELL
    return np.asarray(
        inside & (to_fovea > eyes.avascular[tips.eye]) & (tips.crosses | ~blocked | (not settled))
    )
