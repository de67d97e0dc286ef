"""Reference masks of a prior: simulated, read, or varied from a few drawn ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.priors.variation import vary
from napari_localdisc.stores.priors import load_prior

PriorSpec = Prior | str | Path
"""What tasks take for a prior: reference masks, or a built-in name, a folder or a prior file."""


def prepare_references(prior: PriorSpec, count: int = 20, seed: int = 0) -> Run[Prior]:
    """Simulate a built-in prior, or read one from a folder or a file; see `load_prior`."""
    if isinstance(prior, Prior):
        return prior
    yield Progress("read", 0, 1, f"Preparing {prior}")
    return load_prior(prior, count, seed)


def vary_drawn(
    masks: Sequence[npt.NDArray[np.bool_]],
    name: str,
    targets: Sequence[str],
    count: int,
    seed: int,
    variation: float = 1.0,
) -> Run[Prior]:
    """Make a prior from drawn masks.

    Parameters
    ----------
    masks : sequence of ndarray of bool, shape (K, H, W)
    name : str
    targets : sequence of str
        Names of the K targets.
    count : int
        References to make by random variation of the drawn ones; fewer than drawn means none.
    seed : int
        Seed of the variation.
    variation : float
        How much they vary, 1 being the usual.

    Raises
    ------
    LocaldiscError
        If the masks do not make a prior.
    """
    yield Progress("read", 0, 1, "Varying what was drawn")
    prior = Prior.from_masks(masks, name, targets)
    return vary(prior, count, seed, amount=variation) if count > len(prior) else prior
