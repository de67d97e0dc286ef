"""Vessel trees: trunks, their bifurcations and twigs, with calibres by Murray's law.

At every branching the cube of the radius before it is the sum of the cubes of the two radii after
it, so calibre falls along a branch only where it gives off others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from napari_localdisc.core.priors.retina import Eyes, Floats, field_of_view
from napari_localdisc.core.priors.vessel_growth import STEP, Ground, Ints, Sprouts, grow

FINEST = 0.4
"""Smallest radius, in pixels of the 512-pixel frame, that a branching leaves or gives."""


@dataclass(frozen=True)
class Trees:
    """Grown branches of many eyes.

    Attributes
    ----------
    eye, parent : ndarray of int, shape (B,)
        Row of the eye, number of the branch it leaves (-1: none).
    length : ndarray, shape (B,)
        How far it would have grown with nothing in its way, in pixels of the 512-pixel frame.
    steps : ndarray of int, shape (B,)
        Valid points of its path.
    paths : ndarray, shape (B, T, 2)
        Points (x, y) in pixels of the 512-pixel frame.
    cubes : ndarray, shape (B, T)
        Cube of the radius at each point.
    """

    eye: Ints
    parent: Ints
    length: Floats
    steps: Ints
    paths: Floats
    cubes: Floats

    def __len__(self) -> int:
        return len(self.eye)

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Which points are part of a branch, shape (B, T)."""
        return np.asarray(np.arange(self.paths.shape[1]) < self.steps[:, None])

    def joined(self, other: Trees) -> Trees:
        """Append other branches."""
        longest = max(self.paths.shape[1], other.paths.shape[1])
        return Trees(
            np.concatenate([self.eye, other.eye]),
            np.concatenate([self.parent, other.parent]),
            np.concatenate([self.length, other.length]),
            np.concatenate([self.steps, other.steps]),
            np.concatenate([_extend(self.paths, longest), _extend(other.paths, longest)]),
            np.concatenate([_extend(self.cubes, longest), _extend(other.cubes, longest)]),
        )


def _extend(values: Floats, longest: int) -> Floats:
    padding = [(0, 0), (0, longest - values.shape[1])] + [(0, 0)] * (values.ndim - 2)
    return np.pad(values, padding, mode="edge")


def grow_trees(eyes: Eyes, cover: Floats, rng: np.random.Generator) -> Trees:
    """Grow vessel trees in eyes.

    Parameters
    ----------
    eyes : Eyes
        N retinas.
    cover : ndarray, shape (N,)
        Fraction of the field of view covered at which an eye gives off no more twigs.
    rng : numpy.random.Generator
        Source of all chance.
    """
    ground = Ground(len(eyes.radius))
    field = field_of_view(eyes, 128)
    trees = _planted(random_trunks(eyes, rng), eyes, ground, 0, rng)
    for turn in range(9):
        hungry = _covered(trees, field) < cover
        if not hungry.any():
            break
        buds = _find_buds(trees, hungry, ground, 9 if turn < 2 else 28, rng)
        sprouts, trees = _divide(trees, buds, eyes, turn < 2, rng)
        trees = trees.joined(_planted(sprouts, eyes, ground, len(trees), rng))
    return _tapered(trees)


def _planted(
    sprouts: Sprouts, eyes: Eyes, ground: Ground, first: int, rng: np.random.Generator
) -> Trees:
    paths, steps = grow(sprouts, eyes, ground, first, rng)
    cubes = np.repeat(sprouts.radius[:, None] ** 3, paths.shape[1], axis=1)
    return Trees(sprouts.eye, sprouts.parent, sprouts.length, steps, paths, cubes)


def _tapered(trees: Trees) -> Trees:
    """Give calibre left at the ends to side branches too fine to draw, least of it in trunks."""
    ends = trees.cubes[np.arange(len(trees)), trees.steps - 1, None]
    way = (np.arange(trees.cubes.shape[1]) * STEP / trees.length[:, None]).clip(0.0, 1.0)
    share = np.where(trees.parent < 0, 0.2, 0.8)[:, None]
    return replace(trees, cubes=trees.cubes - share * way * (ends - FINEST**3).clip(0.0))


def _covered(trees: Trees, field: npt.NDArray[np.bool_]) -> Floats:
    """Fraction of each field of view under vessels, overlaps counted twice."""
    branch, at = np.nonzero(trees.valid)
    column, row = (trees.paths[branch, at].T / 4.0).astype(np.int64).clip(0, 127)
    seen = field[trees.eye[branch], row, column]
    area = seen * STEP * (2 * np.cbrt(trees.cubes[branch, at])).clip(1.2)
    total = np.bincount(trees.eye[branch], weights=area, minlength=len(field))
    return np.asarray(total / (field.sum(axis=(1, 2)) * 16.0))


@dataclass(frozen=True)
class _Trunk:
    """A kind of vessel that leaves the disc; ranges are (low, high)."""

    number: int
    degrees: tuple[float, float]
    """Of the direction from the temporal axis, up and down in turn."""
    radius: tuple[float, float]
    length: tuple[float, float]
    """In disc diameters."""
    pull: tuple[float, float, float]
    """Weights of the arcade, the fovea and the first direction."""


_TRUNKS = {
    "arcade veins": _Trunk(2, (60, 105), (2.9, 3.6), (6.0, 10.0), (1.0, 0.0, 0.0)),
    "arcade arteries": _Trunk(2, (50, 100), (2.2, 2.9), (6.0, 10.0), (1.0, 0.0, 0.0)),
    "nasal veins": _Trunk(2, (105, 165), (1.7, 2.6), (2.5, 6.0), (0.0, 0.0, 1.0)),
    "nasal arteries": _Trunk(2, (110, 170), (1.3, 2.0), (2.0, 5.0), (0.0, 0.0, 1.0)),
    "macular": _Trunk(3, (5, 45), (0.7, 1.1), (1.0, 2.2), (0.0, 0.35, 0.9)),
    "short nasal": _Trunk(2, (95, 180), (0.6, 0.9), (0.7, 2.0), (0.0, 0.0, 1.0)),
}


def random_trunks(eyes: Eyes, rng: np.random.Generator) -> Sprouts:
    """Draw the vessels that leave the optic discs: pairs of arcades, nasal and macular ones."""
    sides = [(trunk, turn) for trunk in _TRUNKS.values() for turn in range(trunk.number)]
    return Sprouts.concatenated(
        [_trunk_sprouts(trunk, 1.0 - 2.0 * (turn % 2), eyes, rng) for trunk, turn in sides]
    )


def _trunk_sprouts(trunk: _Trunk, side: float, eyes: Eyes, rng: np.random.Generator) -> Sprouts:
    """One trunk of a kind in every eye."""
    count = len(eyes.radius)
    temporal = np.arctan2(eyes.temporal[:, 1], eyes.temporal[:, 0])
    pull = np.tile(trunk.pull, (count, 1))
    # Arcades that hold on to their first direction radiate instead of embracing the macula.
    pull[:, 2] += rng.uniform(0.0, 0.8, count) * pull[:, 0]
    return Sprouts(
        eye=np.arange(count),
        parent=np.full(count, -1),
        start=eyes.disc + rng.normal(0.0, 0.08, (count, 2)) * eyes.diameter[:, None],
        heading=temporal + side * np.radians(rng.uniform(*trunk.degrees, count)),
        length=rng.uniform(*trunk.length, count) * eyes.diameter,
        radius=rng.uniform(*trunk.radius, count),
        pull=pull,
        arcade=_arcades(np.full(count, side), rng),
        crosses=np.full(count, trunk.radius[0] > 1.0),
    )


def _arcades(side: Floats, rng: np.random.Generator) -> Floats:
    count = len(side)
    return np.stack([rng.uniform(2.4, 5.5, count), rng.uniform(1.5, 2.7, count), side], axis=1)


@dataclass(frozen=True)
class _Buds:
    """Places where branches may leave: branch and step of it, and the direction in radians."""

    branch: Ints
    step: Ints
    heading: Floats


def _find_buds(
    trees: Trees,
    hungry: npt.NDArray[np.bool_],
    ground: Ground,
    number: int,
    rng: np.random.Generator,
) -> _Buds:
    """Up to `number` places an eye, those first that look into empty ground."""
    step = np.arange(trees.paths.shape[1])
    usable = (step > 7) & (step < trees.steps[:, None] - 3) & hungry[trees.eye][:, None]
    branch, at = np.nonzero(usable)
    chosen = _first_per_group(trees.eye[branch], rng.random(len(branch)), 5 * number)
    branch, at = branch[chosen], at[chosen]
    here = trees.paths[branch, at]
    along = here - trees.paths[branch, at - 4]
    turn = np.radians(rng.uniform(35.0, 80.0, len(branch))) * rng.choice([-1.0, 1.0], len(branch))
    heading = np.arctan2(along[:, 1], along[:, 0]) + turn
    forward = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    crowd = rng.uniform(0.0, 1.2, len(branch))
    for reach in (10.0, 18.0, 28.0, 40.0, 54.0, 70.0):
        crowd += ground.look(trees.eye[branch], here + reach * forward) >= 0
    best = _first_per_group(trees.eye[branch], crowd, number)
    return _Buds(branch[best], at[best], heading[best])


def _first_per_group(group: Ints, key: Floats, number: int) -> Ints:
    """Find the indices of the `number` smallest keys in each group."""
    order = np.lexsort([key, group])
    starts = np.searchsorted(group[order], group[order])
    return np.asarray(order[np.arange(len(order)) - starts < number])


def _divide(
    trees: Trees, buds: _Buds, eyes: Eyes, major: bool, rng: np.random.Generator
) -> tuple[Sprouts, Trees]:
    """Take the buds' share from their parents' calibre and make sprouts of them."""
    last = trees.cubes[buds.branch, trees.steps[buds.branch] - 1]
    siblings = np.bincount(buds.branch, minlength=len(trees))[buds.branch]
    spare = (last - FINEST**3).clip(0.0) / siblings
    if major:
        wish = trees.cubes[buds.branch, buds.step] * rng.uniform(0.08, 0.5, len(last))
    else:
        wish = rng.lognormal(np.log(0.76), 0.3, len(last)) ** 3
    cubes = np.minimum(wish, 0.9 * spare)
    kept = cubes >= FINEST**3
    branch, step, heading = buds.branch[kept], buds.step[kept], buds.heading[kept]
    loss = np.zeros_like(trees.cubes)
    np.add.at(loss, (branch, step), cubes[kept])
    thinner = replace(trees, cubes=trees.cubes - np.cumsum(loss, axis=1))
    eye = trees.eye[branch]
    start = trees.paths[branch, step]
    radius = np.cbrt(cubes[kept])
    forward = np.stack([np.cos(heading), np.sin(heading)], axis=1)
    inward = ((eyes.fovea[eye] - start) * forward).sum(axis=1) > 0
    median = (55.0 + 60.0 * (radius - 0.5)) * (1.6 if major else 1.0)
    sprouts = Sprouts(
        eye=eye,
        parent=branch,
        start=start,
        heading=heading,
        length=(median * rng.lognormal(0.0, 0.45, len(eye))).clip(10.0, 240.0 if major else 150.0),
        radius=radius,
        pull=np.where(inward[:, None], (0.0, 0.5, 0.8), (0.15 * major, 0.0, 1.0)),
        arcade=_arcades(rng.choice([-1.0, 1.0], len(eye)), rng),
        crosses=rng.random(len(eye)) < (0.5 if major else 0.12),
    )
    return sprouts, thinner
