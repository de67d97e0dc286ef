"""Priors: what a structure looks like."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from napari_localdisc.core import priors
from napari_localdisc.core.priors import prior as core
from napari_localdisc.core.priors.variation import vary
from napari_localdisc.stores.prior_files import save_prior
from napari_localdisc.stores.priors import load_prior


class Prior(core.Prior):
    """Reference masks of one or more targets.

    Attributes
    ----------
    name : str
        Where the masks come from.
    targets : tuple of str
        Names of the K targets.
    masks : ndarray of bool, shape (N, K, S, S)
        N references on a square canvas.

    Examples
    --------
    >>> import napari_localdisc as ld
    >>> len(ld.Prior.simulate("lungs", count=4))
    4
    >>> import numpy as np
    >>> mask = np.zeros((60, 80), bool)
    >>> mask[20:40, 30:60] = True
    >>> ld.Prior.from_masks([mask], name="heart", targets=["heart"]).vary(10).targets
    ('heart',)
    """

    @classmethod
    def simulate(cls, name: str, count: int = 20, seed: int = 0) -> Self:
        """Simulate the references of a built-in prior.

        Parameters
        ----------
        name : str
            Such as ``"lungs"``, ``"optic-disc"`` or ``"vessels"``.
        count : int
            Number of references.
        seed : int
            The same seed gives the same masks.

        Raises
        ------
        LocaldiscError
            If there is no such prior, or `count` is below 1.
        """
        return cls._of(priors.simulate(name, count, seed))

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Load references from files.

        Parameters
        ----------
        path : str or Path
            A folder of binary masks, a folder of one such folder per target, or a prior file.

        Raises
        ------
        LocaldiscError
            If there is no such folder or file, or a mask in it cannot be used.
        """
        return cls._of(load_prior(Path(path)))

    def vary(self, count: int, seed: int = 0, amount: float = 1.0) -> Self:
        """Make randomly changed copies of the references, as a few drawings need.

        Parameters
        ----------
        count : int
            Number of references to return.
        seed : int
            The same seed gives the same masks.
        amount : float
            How much they change: 0 not at all, 1 by about 10 % in size and 5 degrees.

        Raises
        ------
        LocaldiscError
            If `count` is below 1.
        """
        return self._of(vary(self, count, seed, amount=amount))

    def save(self, path: str | Path) -> None:
        """Write the references to one ``.safetensors`` file, which `load` reads.

        Raises
        ------
        LocaldiscError
            If the file cannot be written.
        """
        save_prior(self, Path(path))

    @classmethod
    def _of(cls, prior: core.Prior) -> Self:
        return cls(**vars(prior))
