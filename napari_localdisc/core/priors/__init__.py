"""Simulated priors: shapes that anatomy alone can describe, without one annotated image."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Literal

from napari_localdisc.base.errors import LocaldiscError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from napari_localdisc.core.priors.prior import Prior

Place = Literal["auto", "drawn", "free"]
"""Whether a structure lies where its references lie, anywhere, or as the references tell."""
CANVAS = 512
"""Side in pixels of the square canvas that reference masks are laid on."""


@dataclass(frozen=True)
class Simulator:
    """Draws reference masks of a structure.

    Attributes
    ----------
    targets : tuple of str
        Names of the K targets.
    source : str
        ``module:function`` in this package. The function takes the number of references, a
        generator and the side of the canvas, and returns masks of bool of shape (N, K, S, S). It is
        loaded when it is used: listing the names is to take no time.
    """

    targets: tuple[str, ...]
    source: str

    def draw(self, count: int, rng: np.random.Generator, size: int) -> npt.NDArray[np.bool_]:
        """Draw masks, shape (count, K, size, size)."""
        module, function = self.source.split(":")
        drawn: npt.NDArray[np.bool_] = getattr(import_module(f"{__name__}.{module}"), function)(
            count, rng, size
        )
        return drawn


SIMULATORS: dict[str, Simulator] = {
    "fovea": Simulator(("optic-disc", "fovea"), "fovea:simulate_fovea"),
    "lungs": Simulator(("lungs",), "lungs:simulate_lungs"),
    "lungs-left-right": Simulator(("right-lung", "left-lung"), "lungs:simulate_lung_pairs"),
    "optic-cup": Simulator(("neuroretinal-rim", "optic-cup"), "optic_cup:simulate_optic_cup"),
    "optic-disc": Simulator(("optic-disc",), "optic_disc:simulate_optic_disc"),
    "vessels": Simulator(("vessels",), "vessels:simulate_vessels"),
}
"""The built-in priors by name. To add one: a module here and a line in this table."""

BUILT_IN_PRIORS: tuple[str, ...] = tuple(SIMULATORS)
"""Names that `simulate` takes."""


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
        Its masks have shape (count, K, size, size), a plane for each of the simulator's targets.

    Raises
    ------
    LocaldiscError
        If there is no simulator of that name, or `count` or `size` is too small.

    Examples
    --------
    >>> simulate("lungs", count=3, size=64).masks.shape
    (3, 1, 64, 64)
    """
    from numpy.random import default_rng

    from napari_localdisc.core.priors.prior import Prior

    if name not in SIMULATORS:
        known = ", ".join(BUILT_IN_PRIORS)
        raise LocaldiscError(f"there is no built-in prior {name!r}; choose one of: {known}.")
    if count < 1:
        raise LocaldiscError(f"a prior needs at least 1 reference, got {count}; raise the count.")
    if size < 32:
        raise LocaldiscError(f"a prior's canvas is at least 32 pixels wide, got {size}; raise it.")
    simulator = SIMULATORS[name]
    return Prior(name, simulator.targets, simulator.draw(count, default_rng(seed), size))
