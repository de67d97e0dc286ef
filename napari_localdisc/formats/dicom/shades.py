"""Shades of grey of DICOM images: rescaled, windowed, bright as bright, padding dark."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.formats.dicom.groups import (
    frame_value,
    has_groups,
    number,
    value_of,
)
from napari_localdisc.formats.format import Pixels

Notes = tuple[str, ...]

_SHOWN = 0.01
"""Share of the pixels that a window must leave between black and white."""

_SAME_FOR_ALL = (
    "PhotometricInterpretation", "BitsStored", "PixelRepresentation", "ModalityLUTSequence",
    "VOILUTSequence",
)  # fmt: skip
_LINEAR, _EXACT, _SIGMOID = "LINEAR", "LINEAR_EXACT", "SIGMOID"


def shades_of(stored: Pixels, tags: Any) -> tuple[Pixels, Notes]:
    """Apply rescale and window to stored values, and turn what is dark for bright.

    Parameters
    ----------
    stored : ndarray, shape (N, H, W)
    tags : pydicom.Dataset

    Returns
    -------
    pixels : ndarray, shape (N, H, W)
    notes : tuple of str
        A sentence for a window that could not be used.
    """
    padding = _padding(stored, tags)
    by_frame = has_groups(tags)
    parts = [(plane[None], index) for index, plane in enumerate(stored)] if by_frame else []
    described = [(part, _described(tags, index)) for part, index in parts or [(stored, 0)]]
    rescaled = [_rescaled(part, one) for part, one in described]
    pixels, notes = _windowed(rescaled, [one for _, one in described], padding)
    if pixels.dtype.kind in "iu":
        pixels = pixels.astype(np.int32)
    if tags.PhotometricInterpretation == "MONOCHROME1":
        pixels = pixels.max() - pixels
    if padding is not None:
        pixels = np.where(padding, pixels[~padding].min(), pixels)
    return pixels, notes


def _described(tags: Any, frame: int) -> Any:
    """Gather what says how a frame's stored values are to be seen, without what is empty."""
    pydicom = importlib.import_module("pydicom")
    about = pydicom.Dataset()
    about.set_original_encoding(*tags.original_encoding)
    about.file_meta = tags.file_meta
    for name in _SAME_FOR_ALL:
        if value_of(tags, name) is not None:
            about[name] = tags[name]
    scale = [
        number(frame_value(tags, name, frame)) for name in ("RescaleSlope", "RescaleIntercept")
    ]
    if scale[0] and scale[1] is not None:
        about.RescaleSlope, about.RescaleIntercept = scale
    function = frame_value(tags, "VOILUTFunction", frame)
    if function in (_LINEAR, _EXACT, _SIGMOID):
        about.VOILUTFunction = function
    windows = _windows(tags, frame, least=1.0 if function in (None, _LINEAR) else 0.0)
    if windows:
        about.WindowCenter, about.WindowWidth = map(list, zip(*windows, strict=True))
    return about


def _windows(tags: Any, frame: int, least: float) -> list[tuple[float, float]]:
    """Centres and widths of the windows that are wide enough to be one."""
    centres, widths = (
        _several(frame_value(tags, name, frame)) for name in ("WindowCenter", "WindowWidth")
    )
    pairs = zip(centres, widths, strict=False)
    return [
        (centre, width)
        for centre, width in pairs
        if centre is not None and width is not None and width >= least and width > 0
    ]


def _several(value: Any) -> list[float | None]:
    parts = value if hasattr(value, "append") else [value]
    return [number(part) for part in parts]


def _rescaled(stored: Pixels, about: Any) -> Pixels:
    processing = importlib.import_module("pydicom.pixels")
    return np.asarray(processing.apply_modality_lut(stored, about))


def _windowed(
    rescaled: Sequence[Pixels], described: Sequence[Any], padding: npt.NDArray[np.bool_] | None
) -> tuple[Pixels, Notes]:
    """Apply the first window that leaves something to see; the values themselves if none does."""
    processing = importlib.import_module("pydicom.pixels")
    plain = _joined(rescaled)
    seen: Any = ... if padding is None else ~padding
    choices = min(_choices(about) for about in described)
    for index in range(choices):
        shown = _joined(
            [
                np.asarray(processing.apply_voi_lut(part, about, index))
                for part, about in zip(rescaled, described, strict=True)
            ]
        )
        if _shows(shown[seen], plain[seen]):
            return shown, ()
    return plain, (_of_no_use(described[0], plain[seen]),) if choices else ()


def _joined(parts: Sequence[Pixels]) -> Pixels:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def _choices(about: Any) -> int:
    """Count the tables or windows that there are."""
    tables = value_of(about, "VOILUTSequence")
    if tables is not None:
        return len(tables)
    widths = value_of(about, "WindowWidth")
    return 0 if widths is None else len(widths) if hasattr(widths, "append") else 1


def _shows(shown: Pixels, plain: Pixels) -> bool:
    """Whether a window leaves shades between its ends, where there are some."""
    if np.nanmin(plain) == np.nanmax(plain):
        return True
    is_flat = bool(np.nanmin(shown) == np.nanmax(shown))
    return not is_flat and (_between(shown) >= _SHOWN or _between(plain) < _SHOWN)


def _between(values: Pixels) -> float:
    """Share of the pixels that are neither the darkest nor the brightest."""
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    is_between = np.greater(values, low) & np.less(values, high)
    return float(is_between.mean())


def _of_no_use(about: Any, plain: Pixels) -> str:
    span = f"all pixels, from {np.nanmin(plain):g} to {np.nanmax(plain):g}, are seen instead"
    if value_of(about, "VOILUTSequence") is not None:
        return f"VOILUTSequence leaves no shades; {span}"
    centre, width = (_several(value_of(about, name))[0] for name in ("WindowCenter", "WindowWidth"))
    return f"the window (WindowCenter {centre:g}, WindowWidth {width:g}) leaves no shades; {span}"


def _padding(stored: Pixels, tags: Any) -> npt.NDArray[np.bool_] | None:
    """Find what fills the frames outside of the image; None if nothing does, or all."""
    value = value_of(tags, "PixelPaddingValue")
    if not isinstance(value, int):
        return None
    other = value_of(tags, "PixelPaddingRangeLimit")
    low, high = sorted((value, other if isinstance(other, int) else value))
    found = np.greater_equal(stored, low) & np.less_equal(stored, high)
    return found if found.any() and not found.all() else None
