"""Simulated priors: shapes that anatomy alone can describe, without one annotated image."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.priors.fovea import place_fovea, simulate_fovea
from napari_localdisc.core.priors.lungs import simulate_lung_pairs, simulate_lungs
from napari_localdisc.core.priors.optic_cup import simulate_optic_cup
from napari_localdisc.core.priors.optic_disc import simulate_optic_disc
from napari_localdisc.core.priors.prior import CANVAS, Prior
from napari_localdisc.core.priors.variation import vary
from napari_localdisc.core.priors.vessels import simulate_vessels

__all__ = ["BUILT_IN_PRIORS", "place_fovea", "simulate", "vary"]

Simulator = Callable[[int, np.random.Generator, int], npt.NDArray[np.bool_]]

_SIMULATORS: dict[str, tuple[tuple[str, ...], Simulator]] = {
    "fovea": (("optic-disc", "fovea"), simulate_fovea),
    "lungs": (("lungs",), simulate_lungs),
    "lungs-left-right": (("right-lung", "left-lung"), simulate_lung_pairs),
    "optic-cup": (("neuroretinal-rim", "optic-cup"), simulate_optic_cup),
    "optic-disc": (("optic-disc",), simulate_optic_disc),
    "vessels": (("vessels",), simulate_vessels),
}

BUILT_IN_PRIORS: tuple[str, ...] = tuple(_SIMULATORS)
"""Names that `simulate` accepts."""


def simulate(name: str, count: int = 20, seed: int = 0, size: int = CANVAS) -> Prior:
    """Simulate reference masks of a structure.

    Parameters
    ----------
    name : str
        One of `BUILT_IN_PRIORS`.
    count : int
        Number of references, at least 1.
    seed : int
        The same seed gives the same masks.
    size : int
        Side of the square canvas in pixels, at least 32.

    Returns
    -------
    Prior
        Its masks have shape (count, K, size, size); K is 1 but for ``"fovea"``,
        ``"lungs-left-right"`` and ``"optic-cup"``, which have two targets.

    Raises
    ------
    LocaldiscError
        If there is no simulator of that name, or `count` or `size` is too small.

    Examples
    --------
    >>> simulate("lungs", count=3, size=64).masks.shape
    (3, 1, 64, 64)
    """
    if name not in _SIMULATORS:
        known = ", ".join(BUILT_IN_PRIORS)
        raise LocaldiscError(f"there is no built-in prior {name!r}; choose one of: {known}.")
    if count < 1:
        raise LocaldiscError(f"a prior needs at least 1 reference, got {count}; raise the count.")
    if size < 32:
        raise LocaldiscError(f"a prior's canvas is at least 32 pixels wide, got {size}; raise it.")
    targets, simulator = _SIMULATORS[name]
    return Prior(name, targets, simulator(count, np.random.default_rng(seed), size))
