"""Pixels of a pool, drawn once and for all, for clusters to be found among them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.core.normalised_pool import NormalisedPool
from napari_localdisc.core.pretrain_config import PretrainConfig

Vectors = npt.NDArray[np.float32]

_IMAGES, _PIXELS = 150, 1000
"""Images that are looked at, at most, and pixels drawn of each."""


class PoolPixels:
    """Pixels drawn of images of a pool, and what a network sees of them.

    Parameters
    ----------
    pool : NormalisedPool
    config : PretrainConfig
        Says at which scales images are seen, one after the other, and the seed.
    """

    def __init__(self, pool: NormalisedPool, config: PretrainConfig) -> None:
        self.pool, self.config = pool, config

    def __len__(self) -> int:
        return min(len(self.pool.pool), _IMAGES)

    @torch.no_grad()
    def __call__(
        self, index: int, device: torch.device, see: Callable[[Tensor], Tensor]
    ) -> Vectors:
        """Draw from one image, in the field of view.

        Parameters
        ----------
        index : int
            Of the image.
        device : torch.device
            Which device prepares it.
        see : callable
            Turns a network's inputs (1, C, S, S) into what is seen of each pixel, (1, F, S, S).

        Returns
        -------
        ndarray of float32, shape (P, F)
        """
        scales = self.config.scales
        inputs, field = self.pool.inputs(index, scales[index % len(scales)], device)
        vectors = see(inputs)[0].flatten(1).T.cpu().numpy()
        rng = np.random.default_rng((self.config.seed, index))
        inside = np.flatnonzero(field.cpu().numpy())
        chosen = rng.choice(inside, min(_PIXELS, len(inside)), replace=False)
        return np.asarray(vectors[chosen], dtype=np.float32)
