"""Maps of confidence in files, each in its image's own place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.formats.images import Image, check_extent, write_beside

FOLDER = "confidence"
"""Where maps lie, below the masks: what reads a folder of masks takes none of them for one."""


def write_confidence(
    confidence: npt.NDArray[np.floating[Any]], path: str | Path, like: Image
) -> Path:
    """Write how sure every pixel is: the file appears whole or not at all.

    Parameters
    ----------
    confidence : ndarray, shape (H, W), or (N, H, W) of a stack
        Probability of the label that each pixel was given, in [0, 1]; kept in steps of 1/255.
    path : str or Path
        Without ending; it gets that of a mask of `like`. PNG and TIFF have one as 255, NIfTI scales
        to [0, 1], DICOM is a segmentation of probabilities.
    like : Image
        The image that it belongs to.

    Returns
    -------
    Path
        The file written.

    Raises
    ------
    ValueError
        If map and image differ in size.
    LocaldiscError
        If the file cannot be written.
    """
    check_extent(confidence, like)
    shares = np.rint(np.clip(confidence, 0, 1) * 255).astype(np.uint8)
    return write_beside(path, like, lambda place: like.geometry.save_shares(shares, place))
