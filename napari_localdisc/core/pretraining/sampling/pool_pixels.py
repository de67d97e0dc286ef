"""A fixed sample of the pixels of a pool, to fit clusters to."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.base.determinism import Determinism
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.pretraining.sampling.normalised_pool import NormalisedPool

Vectors = npt.NDArray[np.float32]

_IMAGES, _PIXELS = 150, 1000
"""Images that are looked at, at most, and pixels drawn of each."""


class PoolPixels:
    """A sample of pixels of the images of a pool, and their features.

    Parameters
    ----------
    pool : NormalisedPool
    scales : sequence of float
        At which images are seen, one after the other.
    seed : int
    """

    def __init__(self, pool: NormalisedPool, scales: Sequence[float], seed: int) -> None:
        self.pool, self.scales, self.seed = pool, tuple(scales), seed

    def __len__(self) -> int:
        return min(len(self.pool.pool), _IMAGES)

    def draw(
        self, see: Callable[[Tensor], Tensor], determinism: Determinism, stage: str
    ) -> Run[Vectors]:
        """Draw from all images.

        Parameters
        ----------
        see : callable
            Turns a network's inputs (1, C, S, S) into what is seen of each pixel, (1, F, S, S).
        determinism : Determinism
            Of the run; its device is where images are seen.
        stage : str
            What progress is called.

        Yields
        ------
        Progress
            Per image.

        Returns
        -------
        ndarray of float32, shape (P, F)
        """
        drawn = []
        for index in range(len(self)):
            with determinism.active():
                drawn.append(self(index, determinism.device, see))
            yield Progress(stage, index + 1, len(self))
        return np.concatenate(drawn)

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
            As of `draw`.

        Returns
        -------
        ndarray of float32, shape (P, F)
        """
        scale = self.scales[index % len(self.scales)]
        inputs, field = self.pool.inputs(index, scale, device)
        vectors = see(inputs)[0].flatten(1).T.cpu().numpy()
        rng = np.random.default_rng((self.seed, index))
        inside = np.flatnonzero(field.cpu().numpy())
        chosen = rng.choice(inside, min(_PIXELS, len(inside)), replace=False)
        return np.asarray(vectors[chosen], dtype=np.float32)
