"""Compressed DICOM: what takes one more package, and frames that are not what the file says."""

from __future__ import annotations

import importlib.util
import io
import struct
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.dicom import codecs as dicom_codecs
from napari_localdisc.formats.images import read_image
from tests.corpus.case import picture
from tests.corpus.dicoms import content_of, dataset

LOSSLESS, BASELINE, JPEG_LS = (f"1.2.840.10008.1.2.4.{number}" for number in (70, 50, 80))


def _write(path: Path, syntax: str, frame: bytes, pixels: np.ndarray) -> Path:
    data = dataset(pixels, bits=8 * pixels.dtype.itemsize)
    data.file_meta.TransferSyntaxUID = UID(syntax)
    data.PixelData = encapsulate([frame])
    data["PixelData"].is_undefined_length = True
    path.write_bytes(content_of(data))
    return path


def test_what_takes_another_package_names_the_install_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if importlib.util.find_spec("imagecodecs"):
        pytest.skip("imagecodecs is installed")
    path = _write(tmp_path / "a.dcm", LOSSLESS, bytes(40), picture())
    with pytest.raises(LocaldiscError, match=r"JPEG Lossless.*'napari-localdisc\[codecs\]'"):
        read_image(path)


def test_twelve_bits_of_jpeg_name_the_install_command(tmp_path: Path):
    if importlib.util.find_spec("imagecodecs"):
        pytest.skip("imagecodecs is installed")
    pixels = picture().astype(np.uint16) * 16
    path = _write(tmp_path / "a.dcm", BASELINE.replace(".50", ".51"), bytes(40), pixels)
    with pytest.raises(LocaldiscError, match=r"'napari-localdisc\[codecs\]'"):
        read_image(path)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
def test_lossless_jpeg_is_read_with_imagecodecs(tmp_path: Path, depth: type):
    imagecodecs = pytest.importorskip("imagecodecs")
    pixels = picture().astype(depth) * depth(1 if depth is np.uint8 else 200)
    path = _write(tmp_path / "a.dcm", LOSSLESS, imagecodecs.ljpeg_encode(pixels), pixels)
    np.testing.assert_array_equal(read_image(path).pixels, pixels)


def _frame(kind: str, width: int, height: int) -> bytes:
    """A compressed frame that says it is so large."""
    if kind == "jpeg":
        memory = io.BytesIO()
        PIL.Image.fromarray(picture()).save(memory, "JPEG")
        frame = bytearray(memory.getvalue())
        struct.pack_into(">HH", frame, frame.index(b"\xff\xc0") + 5, height, width)
        return bytes(frame)
    start = b"\xff\xd8\xff\xe0\x00\x04ab\xff\xf7\x00\x0b\x08"
    return start + struct.pack(">HH", height, width) + b"\x01\x01\x11\x00" + bytes(40)


@pytest.mark.parametrize(("kind", "syntax"), [("jpeg", BASELINE), ("jpeg-ls", JPEG_LS)])
def test_a_frame_larger_than_told_is_refused_before_it_unfolds(
    tmp_path: Path, kind: str, syntax: str
):
    path = _write(tmp_path / "a.dcm", syntax, _frame(kind, 60_000, 50_000), picture())
    with pytest.raises(LocaldiscError, match=r"frame of \(60000, 50000\) pixels"):
        read_image(path)


@pytest.mark.parametrize(
    "frame", [b"", b"\xff", b"\xff\xd8", b"\xff\xd8" + b"\xff" * 99, bytes(99)]
)
def test_frames_without_a_size_are_left_to_their_decoder(frame: bytes):
    assert dicom_codecs._size_of(frame) is None
