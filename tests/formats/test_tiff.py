"""TIFF of rare depths and compressions, and channels that are colours."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.images import mask_suffix, read_image
from tests.cases import case
from tests.corpus.tiffs import packed

RAMP = np.arange(30 * 40).reshape(30, 40) * 7919 % 60000
HAS_CODECS = importlib.util.find_spec("imagecodecs") is not None


WHOLE, FLOATING = ("u1", "i1", "u2", "i2", "u4", "i4", "u8", "i8"), ("f2", "f4", "f8")
KINDS = [
    *((kind, predictor) for kind in WHOLE for predictor in (1, 2)),
    *((kind, predictor) for kind in FLOATING for predictor in (1, 3)),
]
"""Kinds of numbers, each with the predictors that it can have."""


def _pixels(kind: str) -> np.ndarray:
    dtype = np.dtype(kind)
    if dtype.kind == "f":
        return (RAMP / 3).astype(dtype)
    if dtype.itemsize == 1:
        return (RAMP % 256).astype(np.uint8).view(dtype)
    signed = RAMP - 30000 if dtype.kind == "i" else RAMP
    return (signed * (70000 if dtype.itemsize > 2 else 1)).astype(dtype)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("packing", [5, 8])
@pytest.mark.parametrize(("kind", "predictor"), KINDS)
def test_every_depth_is_read_right_or_names_the_extra(
    tmp_path: Path, kind: str, packing: int, predictor: int, order: str
):
    pixels, path = _pixels(kind), tmp_path / "a.tif"
    path.write_bytes(packed(pixels, packing, predictor, order))
    is_for_libtiff = packing == 5 or predictor == 3
    is_readable = kind in ("u1", "i1", "u2") or (kind in ("i2", "u4", "i4", "f4") and order == "<")
    if is_readable or HAS_CODECS or not is_for_libtiff:
        np.testing.assert_array_equal(read_image(path).pixels, pixels)
        return
    with pytest.raises(LocaldiscError, match=r"pip install 'napari-localdisc\[codecs\]'"):
        read_image(path)


@pytest.mark.parametrize("kind", ["u1", "i1", "u2", "u4", "i4", "f4"])
def test_what_this_machine_writes_is_read_without_the_extra(tmp_path: Path, kind: str):
    path = tmp_path / "a.tif"
    path.write_bytes(packed(_pixels(kind), 5))
    np.testing.assert_array_equal(read_image(path).pixels, _pixels(kind))


def test_compression_without_a_name_is_told_by_its_number(tmp_path: Path):
    path = tmp_path / "a.tif"
    path.write_bytes(
        packed(_pixels("u1"), 1).replace(
            b"\x03\x01\x03\0\x01\0\0\0\x01\0", b"\x03\x01\x03\0\x01\0\0\0\x67\x12"
        )
    )
    with pytest.raises(LocaldiscError, match=r"Compression 4711\).*without compression"):
        read_image(path)


COLOUR = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)


def _lut(channel: int) -> np.ndarray:
    table = np.zeros((3, 256), np.uint8)
    table[channel] = range(256)
    return table


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_channels_of_a_composite_are_the_colours_that_they_are_shown_in(tmp_path: Path, order):
    about = {"axes": "CYX", "mode": "composite", "LUTs": [_lut(channel) for channel in order]}
    channels = np.stack([COLOUR[..., channel] for channel in order])
    tifffile.imwrite(tmp_path / "a.tif", channels, imagej=True, metadata=about)
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif").pixels, COLOUR)
    assert mask_suffix(tmp_path / "a.tif") == ".png"


def test_named_channels_are_the_colours_of_their_names(tmp_path: Path):
    about = {"axes": "CYX", "Channel": {"Name": ["Blue", "red", "G"]}}
    channels = np.stack([COLOUR[..., channel] for channel in (2, 0, 1)])
    tifffile.imwrite(
        tmp_path / "a.ome.tif", channels, ome=True, photometric="minisblack", metadata=about
    )
    np.testing.assert_array_equal(read_image(tmp_path / "a.ome.tif").pixels, COLOUR)


def test_grey_channels_of_imagej_stay_pages(tmp_path: Path):
    channels = np.moveaxis(COLOUR, -1, 0)
    tifffile.imwrite(tmp_path / "a.tif", channels, imagej=True, metadata={"axes": "CYX"})
    assert read_image(tmp_path / "a.tif").extent == (3, 20, 30)


def test_15_lzw_of_32_bits():
    plain, deep = (read_image(case(15) / name).pixels for name in ("t_ok.tif", "t_lzw_u32.tif"))
    low, high = deep.min(), deep.max()
    scaled = (deep - low) / (high - low) * (plain.max() - plain.min()) + plain.min()
    assert np.abs(scaled - plain).mean() < 2


def test_17_float_predictor():
    pixels = read_image(case(17) / "t_zlib_f32_pred.tif").pixels
    assert pixels.dtype == np.float32
    assert np.isfinite(pixels).all()
    assert 0 <= pixels.min() < pixels.max() <= 255


def test_19_composite_of_imagej():
    image = read_image(case(19) / "t_ij_composite_rgb.tif")
    assert image.pixels.shape == (256, 256, 3)
