"""Superpixels: small regions of like values, whose borders follow those of the image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.segmentation import slic

Maps = npt.NDArray[np.float32]

_COMPACTNESS = 0.1
"""Low: borders of the image count for more than the shape of a superpixel."""


def along_superpixels(maps: Maps, levels: Maps, side: float) -> Maps:
    """Average maps over the superpixels of an image (SLIC: Achanta et al., TPAMI 2012).

    Parameters
    ----------
    maps : ndarray of float32, shape (Q, H, W)
    levels : ndarray of float32, shape (C, H, W)
        The image.
    side : float
        About how many pixels wide superpixels are.

    Returns
    -------
    ndarray of float32, shape (Q, H, W)
    """
    height, width = levels.shape[1:]
    count = max(1, round(height * width / side**2))
    regions = slic(
        np.moveaxis(levels, 0, -1), count, _COMPACTNESS, convert2lab=False, start_label=0
    )
    every = np.arange(regions.max() + 1)
    means = [ndimage.mean(plane, regions, every)[regions] for plane in maps]
    return np.asarray(means, dtype=np.float32)
