"""A sample of the pixels of many images, for a scatter plot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_localdisc.core.clusters.spherical_kmeans import sample_pixels

MOST = 3000
"""Pixels of all images together."""


@dataclass(frozen=True, eq=False)
class PixelSample:
    """Pixels drawn at random, the same ones every time.

    Attributes
    ----------
    scores : ndarray of float32, shape (2, n)
        First two components of their embedding.
    labels : ndarray of uint8, shape (n,)
        Their clusters.
    """

    scores: npt.NDArray[np.float32]
    labels: npt.NDArray[np.uint8]

    @classmethod
    def draw(
        cls, scores: npt.NDArray[np.floating], labels: npt.NDArray[np.uint8], images: int, seed: int
    ) -> PixelSample:
        """Draw an image's share of the pixels inside its field of view.

        Parameters
        ----------
        scores : ndarray of float, shape (2, H, W)
        labels : ndarray of uint8, shape (H, W)
            Clusters; 0 outside the field of view.
        images : int
            Images that share in the sample.
        seed : int
        """
        most = max(1, MOST // images)
        drawn = sample_pixels(labels > 0, most, np.random.default_rng(seed))
        return cls(scores.reshape(2, -1)[:, drawn].astype(np.float32), labels.reshape(-1)[drawn])

    @classmethod
    def join(cls, samples: Sequence[PixelSample]) -> PixelSample:
        """Put the samples of several images together."""
        return cls(
            np.concatenate([sample.scores for sample in samples], axis=1),
            np.concatenate([sample.labels for sample in samples]),
        )
