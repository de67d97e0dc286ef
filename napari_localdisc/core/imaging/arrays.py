"""Arrays of any kind, brought to one form."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from napari_localdisc.base.errors import LocaldiscError

FloatImage = npt.NDArray[np.float32]
FloatMap = npt.NDArray[np.float32]

_DARK = 30 / 255
"""Fundus cameras leave the frame outside the field of view darker than this."""

_COLOURED = 0.02
"""Mean difference between channels above which an image counts as colour."""


def as_image(array: npt.NDArray[np.generic], where: str = "image") -> FloatImage:
    """Bring an image to float32 in [0, 1] with one or three channels.

    8-bit images are divided by 255; any other type is stretched between its own 0.1 and 99.9
    percentiles, because 16-bit and float images rarely fill the range of their type.

    Parameters
    ----------
    array : ndarray, shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4)
        Grey, RGB or RGBA pixels (alpha is dropped); bool, integer or float.
    where : str
        What to call the image in an error: a file or layer name.

    Returns
    -------
    ndarray of float32, shape (H, W, C), C in {1, 3}

    Raises
    ------
    LocaldiscError
        If the shape is another one, or no pixel is finite.
    """
    image = np.asarray(array)
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3 or image.shape[-1] not in (1, 3, 4) or 0 in image.shape:
        raise LocaldiscError(
            f"{where} has shape {np.shape(array)}; expected (height, width) or"
            " (height, width, 3): give a single grey or RGB image."
        )
    image = image[..., :3]
    if image.dtype == np.uint8:
        return image.astype(np.float32) / np.float32(255)
    if image.dtype.kind not in "buif":
        raise LocaldiscError(f"{where} holds {image.dtype} numbers; give plain grey or RGB pixels.")
    # What has eight bytes a number may reach beyond the range of those with four.
    wide = image.dtype.itemsize > 4
    return _stretch(image.astype(np.float64 if wide else np.float32), where)


def _stretch(image: npt.NDArray[np.floating[Any]], where: str) -> FloatImage:
    finite = np.isfinite(image)
    if not finite.any():
        raise LocaldiscError(f"{where} holds no finite pixel; check how it was exported.")
    if float(np.abs(image[finite]).max()) > float(np.finfo(image.dtype).max) / 4:
        image = image / 4  # else the span may be beyond the type's largest number
    low, high = np.percentile(image[finite], (0.1, 99.9))
    filled = np.where(finite, image, low)
    span = high - low
    with np.errstate(over="ignore"):  # what lies far beyond a tiny span is clipped
        stretched = np.clip((filled - low) / (span if span > 0 else 1), 0, 1)
    return np.asarray(stretched, dtype=np.float32)


def with_channels(image: FloatImage, channels: int) -> FloatImage:
    """Convert between grey and RGB: grey is repeated, RGB is averaged by luminance."""
    if image.shape[-1] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=-1)
    luminance = np.array([0.299, 0.587, 0.114], dtype=np.float32)
    return np.asarray(image @ luminance, dtype=np.float32)[..., None]


def is_coloured(array: npt.NDArray[np.generic]) -> bool:
    """Whether an image (H, W) or (H, W, C) shows colour; RGB with equal channels does not."""
    image = as_image(array)
    return image.shape[-1] == 3 and float(np.ptp(image, axis=-1).mean()) > _COLOURED


def field_of_view(image: FloatImage) -> npt.NDArray[np.bool_]:
    """Find the lit part of a fundus photograph.

    Parameters
    ----------
    image : ndarray of float32, shape (H, W, C)
        Values in [0, 1].

    Returns
    -------
    ndarray of bool, shape (H, W)
        Everything but the dark border; all true where no lit part of at least a tenth of the frame
        stands out.
    """
    lit = ndimage.binary_opening(image.max(axis=-1) > _DARK, iterations=2)
    parts, count = ndimage.label(lit)
    if count == 0:
        return np.ones(image.shape[:2], dtype=bool)
    largest = parts == 1 + np.argmax(np.bincount(parts.ravel())[1:])
    field = np.asarray(ndimage.binary_fill_holes(largest), dtype=bool)
    return field if field.mean() >= 0.1 else np.ones(image.shape[:2], dtype=bool)
