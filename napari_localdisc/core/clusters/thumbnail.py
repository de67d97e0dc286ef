"""A small picture of an image that shows where its clusters lie."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_localdisc.core.imaging.arrays import as_image, with_channels

SIDE = 56
"""Longer side in pixels."""
_DIM = 0.4
"""Brightness of the image around the cluster."""
_BRIGHT = 130.0
"""Least level of the cluster's brightest channel: dark colours would not show on a dark image."""
_FRAME = 2
"""Width of the frame, which has the very colour."""


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """An image made small, and how much of each of its pixels belongs to each cluster.

    Attributes
    ----------
    grey : ndarray of float32, shape (h, w)
        In [0, 1].
    fractions : ndarray of float32, shape (K + 1, h, w)
        Sum to 1; the first is what lies outside the field of view.
    """

    grey: npt.NDArray[np.float32]
    fractions: npt.NDArray[np.float32]

    @classmethod
    def of(
        cls, pixels: npt.NDArray[np.generic], labels: npt.NDArray[np.uint8], count: int
    ) -> Thumbnail:
        """Make an image small.

        Parameters
        ----------
        pixels : ndarray, shape (H, W) or (H, W, C)
        labels : ndarray of uint8, shape (H, W)
            Clusters 1..K.
        count : int
            K.
        """
        height, width = labels.shape
        shrink = min(1.0, SIDE / max(height, width))
        small = max(1, round(height * shrink)), max(1, round(width * shrink))
        rows = np.arange(height) * small[0] // height
        columns = np.arange(width) * small[1] // width
        block = rows[:, None] * small[1] + columns
        blocks = small[0] * small[1]
        pixels_in = np.bincount(block.ravel(), minlength=blocks)
        light = with_channels(as_image(pixels), 1)[..., 0]
        grey = np.bincount(block.ravel(), light.ravel(), blocks) / pixels_in
        spread = np.bincount(
            (labels * np.intp(blocks) + block).ravel(), minlength=(count + 1) * blocks
        )
        fractions = spread.reshape(count + 1, blocks) / pixels_in
        return cls(
            grey.reshape(small).astype(np.float32),
            fractions.reshape(count + 1, *small).astype(np.float32),
        )

    def tile(self, members: Sequence[int], colour: Sequence[int]) -> npt.NDArray[np.uint8]:
        """Draw some clusters, as one, in a colour and framed with it: RGB, shape (h, w, 3)."""
        # The root keeps in sight what is thinner than a pixel by now.
        share = np.sqrt(self.fractions[list(members)].sum(axis=0))[..., None]
        ground = np.repeat(self.grey[..., None] * (255 * _DIM), 3, axis=-1)
        wanted = np.asarray(colour, np.float32)
        bright = wanted + np.maximum(0, _BRIGHT - wanted.max())
        drawn = ground + share * (bright - ground)
        for edge in (np.s_[:_FRAME], np.s_[-_FRAME:], np.s_[:, :_FRAME], np.s_[:, -_FRAME:]):
            drawn[edge] = wanted
        return np.asarray(np.clip(drawn.round(), 0, 255), np.uint8)
