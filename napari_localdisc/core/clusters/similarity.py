"""Which pixels of an image are like a given one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from skimage.feature import peak_local_max

from napari_localdisc.core.imaging.arrays import FloatMap

Pixel = tuple[int, int]

NEIGHBOURS = 8
_APART = 0.03
"""Distance that neighbours keep from each other, as a share of the longer side."""


def similarity_map(embedding: FloatMap, pixel: Pixel) -> FloatMap:
    """Compare every pixel with one: cosine similarity, in [-1, 1].

    Parameters
    ----------
    embedding : ndarray of float32, shape (D, H, W)
        Unit vectors along D.
    pixel : tuple of int
        Row and column.

    Returns
    -------
    ndarray of float32, shape (H, W)
    """
    vector = embedding[:, pixel[0], pixel[1]]
    alike = vector @ embedding.reshape(len(embedding), -1)
    return np.asarray(alike, np.float32).reshape(embedding.shape[1:])


def nearest_places(
    similarity: FloatMap, pixel: Pixel, field: npt.NDArray[np.bool_], count: int = NEIGHBOURS
) -> list[Pixel]:
    """Find the places that are most like a pixel, best first.

    The pixels right beside it, and beside a better one, say nothing new and are left out.

    Parameters
    ----------
    similarity : ndarray of float32, shape (H, W)
        As from `similarity_map`.
    pixel : tuple of int
        Row and column.
    field : ndarray of bool, shape (H, W)
        Where to look.
    count : int
        Most places to find.
    """
    apart = max(2, round(_APART * max(similarity.shape)))
    candidates = np.where(field, similarity, -1)
    rows, columns = (slice(max(0, at - apart), at + apart + 1) for at in pixel)
    candidates[rows, columns] = -1
    found = peak_local_max(
        candidates, min_distance=apart, threshold_abs=0, num_peaks=count, exclude_border=False
    )
    return [(int(row), int(column)) for row, column in found]
