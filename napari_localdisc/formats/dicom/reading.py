"""DICOM files, read with pydicom where it is installed.

What pydicom says of a damaged file may quote the patient's data; it is not passed on.
"""

from __future__ import annotations

import importlib
import warnings
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, NoReturn

import numpy as np

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import VARIABLE, check_pixels, max_pixels
from napari_localdisc.formats.dicom.codecs import check_decoder, check_frames
from napari_localdisc.formats.dicom.groups import number, value_of
from napari_localdisc.formats.dicom.header import holds_no_image, is_dicom
from napari_localdisc.formats.dicom.identity import needed
from napari_localdisc.formats.dicom.mask import DicomGeometry
from napari_localdisc.formats.dicom.segmentation import labels_of
from napari_localdisc.formats.dicom.shades import Notes, shades_of
from napari_localdisc.formats.dicom.source import source_of
from napari_localdisc.formats.format import HEAD, Format, Pixels

_PIXELS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
_GREY = ("MONOCHROME1", "MONOCHROME2")
_SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"
_BITS = (1, 8, 16, 32, 64)
_COUNT = "NumberOfFrames"
_TAGS = 2**24
"""Bytes that a compressed data set may hold besides its pixels."""


class Dicom(Format):
    """A DICOM file of one image or of several frames."""

    suffixes = (".dcm", ".dicom", ".ima")

    def recognises(self, _: Path, head: bytes, /) -> bool:
        """Whether a file begins as DICOM does, with or without a preamble."""
        return is_dicom(head)

    def is_found_by(self, head: bytes, /) -> bool:
        """Whether it is DICOM; devices name such files by numbers or identifiers."""
        return is_dicom(head)

    def shows_nothing(self, head: bytes, /) -> bool:
        """Whether it is a directory, a report or another object without pixels."""
        return is_dicom(head) and holds_no_image(head)

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
    pydicom, is_compressed = needed("pydicom", path), False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            syntax = _syntax_of(path, pydicom)
            is_compressed = bool(syntax) and syntax.is_compressed
            tags = _read_tags(path, pydicom)
            completed = _complete(path, tags)
            is_mask = tags.get("SOPClassUID") == _SEGMENTATION
            pixels, notes = (labels_of(tags), ()) if is_mask else _decode(tags)
            source = source_of(tags)
    except LocaldiscError:
        raise
    except Exception as error:
        remedy = "export it again without compression" if is_compressed else "export it again"
        raise LocaldiscError(
            f"{path} is not a DICOM image that can be read, its header or its pixels are damaged;"
            f" {remedy}."
        ) from error
    return pixels, DicomGeometry(source, path, (*completed, *notes, *source.notes))


def read_header(path: Path, names: Sequence[str]) -> Any:
    """Read some tags of a file; None if it is damaged, or pydicom missing."""
    try:
        pydicom = needed("pydicom", path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _syntax_of(path, pydicom)
            tags = pydicom.dcmread(
                path, stop_before_pixels=True, specific_tags=list(names), force=True
            )
            return tags if [tags.get(name) for name in names] else None  # decodes their values
    except Exception:
        return None


def _syntax_of(path: Path, pydicom: Any) -> Any:
    """Read how a file is encoded; nothing if its meta header is missing."""
    with path.open("rb") as file:
        if not is_dicom(file.read(HEAD)):
            raise LocaldiscError(
                f"{path} is not a DICOM image that can be read, whatever its name says; copy or"
                " export it again."
            )
        file.seek(0)
        pydicom.filereader.read_preamble(file, force=True)
        syntax = pydicom.filereader._read_file_meta_info(file).get("TransferSyntaxUID", "")
        if syntax == pydicom.uid.DeflatedExplicitVRLittleEndian:
            _check_deflated(path, file)
    return syntax


def _check_deflated(path: Path, file: IO[bytes]) -> None:
    """Refuse a data set that would unfold to more than an image of the largest size."""
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


def _read_tags(path: Path, pydicom: Any) -> Any:
    tags = pydicom.dcmread(path, force=True)
    if not any(name in tags for name in _PIXELS):
        _refuse_without_pixels(path)
    missing = [name for name in ("Rows", "Columns") if not value_of(tags, name)]
    if missing:
        raise LocaldiscError(f"{path} lacks {' and '.join(missing)}; export it again.")
    check_pixels(path, int(tags.Columns), int(tags.Rows), _frames(tags))
    if not tags.file_meta.get("TransferSyntaxUID"):
        _name_syntax(path, tags, pydicom)
    syntax = tags.file_meta.TransferSyntaxUID
    if syntax.is_compressed:
        check_decoder(path, syntax, int(value_of(tags, "BitsStored") or 0))
        check_frames(path, tags)
    return tags


def _refuse_without_pixels(path: Path) -> NoReturn:
    with path.open("rb") as file:
        is_other = holds_no_image(file.read(HEAD))
    raise LocaldiscError(
        f"{path} is a DICOM file of another kind that holds no image; leave it out."
        if is_other
        else f"{path} holds no image, or is cut off before it; copy it again or leave it out."
    )


def _frames(tags: Any) -> int:
    return max(1, int(number(value_of(tags, _COUNT)) or 1))


def _name_syntax(path: Path, tags: Any, pydicom: Any) -> None:
    """Say how a data set without meta header was found to be encoded."""
    if tags[_kept(tags)].is_undefined_length:
        raise LocaldiscError(
            f"{path} is compressed and lacks the TransferSyntaxUID that says how; export it again."
        )
    is_implicit, is_little = tags.original_encoding
    tags.file_meta.TransferSyntaxUID = (
        pydicom.uid.ImplicitVRLittleEndian
        if is_implicit
        else pydicom.uid.ExplicitVRLittleEndian
        if is_little
        else pydicom.uid.ExplicitVRBigEndian
    )


def _kept(tags: Any) -> str:
    return next(name for name in _PIXELS if name in tags)


def _complete(path: Path, tags: Any) -> Notes:
    """Complete what is missing and can only be one thing; returns what was."""
    samples = int(value_of(tags, "SamplesPerPixel") or 1)
    usual = {
        "SamplesPerPixel": samples,
        "PhotometricInterpretation": "RGB" if samples == 3 else "MONOCHROME2",
        "PixelRepresentation": 0,
        "BitsStored": value_of(tags, "BitsAllocated"),
    }
    if samples > 1:
        usual["PlanarConfiguration"] = 0
    missing = [name for name in usual if value_of(tags, name) is None]
    if _COUNT in tags and not number(value_of(tags, _COUNT)):
        usual[_COUNT] = 1
        missing.append(_COUNT)
    is_float = _kept(tags) != _PIXELS[0]
    if samples not in (1, 3) or value_of(tags, "SamplesPerPixel") == 0:
        raise LocaldiscError(
            f"{path} has {value_of(tags, 'SamplesPerPixel')} samples a pixel (SamplesPerPixel);"
            " expected 1 or 3: export it as grey or RGB."
        )
    for name in missing:
        if usual[name] is not None:
            setattr(tags, name, usual[name])
    _check_length(path, tags)
    told = [] if is_float else missing
    return (f"the image lacks a valid {', '.join(told)}; the usual is assumed",) if told else ()


def _check_length(path: Path, tags: Any) -> None:
    """Refuse pixels that end before the image does."""
    bits = value_of(tags, "BitsAllocated")
    if bits not in _BITS:
        raise LocaldiscError(
            f"{path} has pixels of {bits} bits (BitsAllocated); expected one of"
            f" {', '.join(map(str, _BITS))}: export it again."
        )
    if tags.file_meta.TransferSyntaxUID.is_compressed:
        return
    values = int(tags.Rows) * int(tags.Columns) * _frames(tags) * int(tags.SamplesPerPixel)
    told, found = -(-values * bits // 8), len(tags[_kept(tags)].value or b"")
    is_halved = tags.PhotometricInterpretation == "YBR_FULL_422"
    if found < (told * 2 // 3 if is_halved else told):
        raise LocaldiscError(
            f"{path} is cut off: {found} bytes of pixels where its header tells of {told}; copy or"
            " export it again."
        )


def _decode(tags: Any) -> tuple[Pixels, Notes]:
    processing = importlib.import_module("pydicom.pixels")
    stored = np.asarray(processing.pixel_array(tags))
    kind: str = tags.PhotometricInterpretation
    notes: Notes = ()
    frame = (-1, int(tags.Rows), int(tags.Columns))
    if kind in _GREY:
        pixels, notes = shades_of(stored.reshape(frame), tags)
    elif kind == "PALETTE COLOR":
        pixels = np.asarray(processing.apply_color_lut(stored, tags))
        if (pixels == pixels[..., :1]).all():
            pixels = pixels[..., 0]
    else:
        pixels = stored
    samples = 3 if pixels.ndim > 2 and pixels.shape[-1] == 3 and kind not in _GREY else 1
    planes = pixels.reshape((*frame, samples))
    if len(planes) > 1:
        return planes, notes
    return (planes[0] if samples > 1 else planes[0, ..., 0]), notes
