"""DICOM files, read with pydicom where it is installed.

What pydicom says of a damaged file may quote the patient's data; it is not passed on.
"""

from __future__ import annotations

import importlib
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import VARIABLE, check_pixels, max_pixels
from napari_localdisc.formats.dicom_codecs import check_decoder, check_frames
from napari_localdisc.formats.dicom_mask import DicomGeometry, labels_of, needed
from napari_localdisc.formats.format import Format, Pixels

SIGNATURE = b"DICM"
"""At byte 128."""

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_GREY = ("MONOCHROME1", "MONOCHROME2")
_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_TAGS = 2**24
"""Bytes that a compressed data set may hold besides its pixels."""


class Dicom(Format):
    """A DICOM file of one image or of several frames."""

    suffixes = (".dcm", ".dicom")
    may_lack_suffix = True

    def recognises(self, _: Path, head: bytes, /) -> bool:
        """Whether a file bears DICOM's signature behind its preamble."""
        return head[128:132] == SIGNATURE

    def read(self, path: Path, /) -> tuple[Pixels, DicomGeometry]:
        """Read an image; see `read_dicom`."""
        return read_dicom(path)

    def mask_suffix(self, _: Path, /) -> str:
        """Tell the ending of a mask."""
        return DicomGeometry.suffix


def read_dicom(path: Path) -> tuple[Pixels, DicomGeometry]:
    """Read the image or the frames of a DICOM file, with its window applied and bright as bright.

    Returns
    -------
    pixels : ndarray, shape (H, W), (H, W, 3), or (N, H, W, C) of several frames, C in {1, 3}
        Of a segmentation the numbers of its segments.
    geometry : DicomGeometry

    Raises
    ------
    LocaldiscError
        If pydicom is missing, the file holds no image, is too large, or cannot be decoded.
    """
    pydicom = needed("pydicom", path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags = _read_tags(path, pydicom)
            is_mask = tags.get("SOPClassUID") == _SEGMENTATION
            pixels = labels_of(tags) if is_mask else _decode(tags)
    except LocaldiscError:
        raise
    except Exception as error:
        raise LocaldiscError(
            f"{path} is not a DICOM image that can be read ({type(error).__name__}); export it"
            " again without compression."
        ) from error
    for name in _PIXELS:
        if name in tags:
            del tags[name]
    return pixels, DicomGeometry(tags, path)


def read_header(path: Path, names: Sequence[str]) -> Any:
    """Read some tags of a file; None if it is damaged, or pydicom missing."""
    try:
        pydicom = needed("pydicom", path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _syntax_of(path, pydicom)
            tags = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=list(names))
            return tags if [tags.get(name) for name in names] else None  # decodes their values
    except Exception:
        return None


def _syntax_of(path: Path, pydicom: Any) -> Any:
    syntax = pydicom.filereader.read_file_meta_info(path).get("TransferSyntaxUID", "")
    if syntax == pydicom.uid.DeflatedExplicitVRLittleEndian:
        _check_deflated(path, pydicom)
    return syntax


def _read_tags(path: Path, pydicom: Any) -> Any:
    syntax = _syntax_of(path, pydicom)
    tags = pydicom.dcmread(path)
    if not any(name in tags for name in _PIXELS):
        raise LocaldiscError(f"{path} is a DICOM file that holds no image; leave it out.")
    frames = int(tags.get("NumberOfFrames") or 1)
    check_pixels(path, int(tags.Columns), int(tags.Rows), frames)
    if syntax.is_compressed:
        check_decoder(path, syntax)
        check_frames(path, tags)
    return tags


def _check_deflated(path: Path, pydicom: Any) -> None:
    """Refuse a data set that would unfold to more than an image of the largest size."""
    with path.open("rb") as file:
        file.seek(132)
        pydicom.filereader._read_file_meta_info(file)
        unpacker, left = zlib.decompressobj(-zlib.MAX_WBITS), max_pixels() + _TAGS
        while left > 0 and (packed := file.read(2**16)):
            while packed and left > 0:
                left -= len(unpacker.decompress(packed, 2**20))
                packed = unpacker.unconsumed_tail
    if left <= 0:
        raise LocaldiscError(
            f"{path} unfolds to more than {max_pixels()} bytes; export it again without"
            f" compression or, if you trust it and have the memory, raise {VARIABLE}."
        )


def _decode(tags: Any) -> Pixels:
    processing = importlib.import_module("pydicom.pixels")
    stored = np.asarray(processing.pixel_array(tags))
    kind = tags.PhotometricInterpretation
    if kind in _GREY:
        pixels = _shades(stored, tags, processing)
    elif kind == "PALETTE COLOR":
        pixels = np.asarray(processing.apply_color_lut(stored, tags))
        if (pixels == pixels[..., :1]).all():
            pixels = pixels[..., 0]
    else:
        pixels = stored
    samples = 3 if pixels.ndim > 2 and pixels.shape[-1] == 3 and kind not in _GREY else 1
    planes = pixels.reshape((-1, int(tags.Rows), int(tags.Columns), samples))
    if len(planes) > 1:
        return planes
    return planes[0] if samples > 1 else planes[0, ..., 0]


def _shades(stored: Pixels, tags: Any, processing: Any) -> Pixels:
    pixels = np.asarray(processing.apply_modality_lut(stored, tags))
    if _has_window(tags):
        pixels = np.asarray(processing.apply_voi_lut(pixels, tags))
    if pixels.dtype.kind in "iu":
        pixels = pixels.astype(np.int32)
    if tags.PhotometricInterpretation == "MONOCHROME1":
        pixels = pixels.max() - pixels
    padding = _padding(stored, tags)
    if padding is not None and padding.any() and not padding.all():
        pixels = np.where(padding, pixels[~padding].min(), pixels)
    return pixels


def _has_window(tags: Any) -> bool:
    if tags.get("VOILUTSequence"):
        return True
    widths = tags.get("WindowWidth")
    if widths is None or tags.get("WindowCenter") is None:
        return False
    first = widths[0] if isinstance(widths, list | tuple) or hasattr(widths, "append") else widths
    return float(first) >= 1


def _padding(stored: Pixels, tags: Any) -> npt.NDArray[np.bool_] | None:
    """Find what fills the frame outside of the image."""
    value = tags.get("PixelPaddingValue")
    if not isinstance(value, int):
        return None
    other = tags.get("PixelPaddingRangeLimit")
    low, high = sorted((value, other if isinstance(other, int) else value))
    return np.greater_equal(stored, low) & np.less_equal(stored, high)
