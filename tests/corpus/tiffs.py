"""TIFF in all its variety."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image
import tifffile

from tests.corpus.case import BRIGHT, DARK, SHAPE, Case, picture, stack, truth_of, written

GREY, STACK = picture(), stack()
TRUTH, STACK_TRUTH = truth_of(GREY), truth_of(STACK)
COLOUR = np.dstack([GREY] * 3)


def _tiff(pixels: np.ndarray, **options: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        options.setdefault("photometric", "minisblack")
        tifffile.imwrite(folder / "a.tif", pixels, **options)
        return folder / "a.tif"

    return make


def _pillow(shown: PIL.Image.Image, **options: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        shown.save(folder / "a.tif", **options)
        return folder / "a.tif"

    return make


def _content(pixels: np.ndarray, **options: object) -> bytes:
    memory = io.BytesIO()
    tifffile.imwrite(memory, pixels, photometric="minisblack", **options)
    return memory.getvalue()


def _with_tag(content: bytes, code: int, value: int) -> bytes:
    """Overwrite the value of a tag of the first page of a little-endian TIFF."""
    changed = bytearray(content)
    start = struct.unpack_from("<I", changed, 4)[0]
    for index in range(struct.unpack_from("<H", changed, start)[0]):
        place = start + 2 + 12 * index
        if struct.unpack_from("<H", changed, place)[0] == code:
            kind = struct.unpack_from("<H", changed, place + 2)[0]
            struct.pack_into("<H" if kind == 3 else "<I", changed, place + 8, value)
    return bytes(changed)


def lzw(content: bytes) -> bytes:
    """Compress by codes of nine bits: the table is cleared before it needs longer ones."""
    codes = list[int]()
    for start in range(0, len(content), 250):
        codes += [256, *content[start : start + 250]]
    bits = "".join(f"{code:09b}" for code in [*codes, 257])
    bits += "0" * (-len(bits) % 8)
    return int(bits, 2).to_bytes(len(bits) // 8, "big")


PACKERS = {1: bytes, 5: lzw, 8: zlib.compress}
"""Compressions by the number that a TIFF has for them."""


def _predicted(pixels: np.ndarray, order: str, predictor: int) -> bytes:
    """Store differences in place of values, as predictors do."""
    size, (height, width) = pixels.dtype.itemsize, pixels.shape
    if predictor == 1:
        return pixels.astype(pixels.dtype.newbyteorder(order)).tobytes()
    if predictor == 3:
        parts = pixels.astype(pixels.dtype.newbyteorder(">")).view(np.uint8)
        values = parts.reshape(height, width, size).transpose(0, 2, 1).reshape(height, -1)
    else:
        values = pixels.view(f"u{size}")
    stored = values.copy()
    stored[:, 1:] = values[:, 1:] - values[:, :-1]
    return stored.astype(stored.dtype.newbyteorder(order)).tobytes()


def packed(
    pixels: np.ndarray, packing: int, predictor: int = 1, order: str = "<", white: bool = False
) -> bytes:
    """Write a TIFF of a page, compressed without any library."""
    body = PACKERS[packing](_predicted(pixels, order, predictor))
    body += bytes(len(body) % 2)
    (height, width), bits = pixels.shape, 8 * pixels.dtype.itemsize
    kind = {"u": 1, "i": 2, "f": 3}[pixels.dtype.kind]
    tags = [
        (256, 4, width), (257, 4, height), (258, 3, bits), (259, 3, packing), (262, 3, 0 if white else 1),
        (273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(body)), (317, 3, predictor), (339, 3, kind),
    ]  # fmt: skip
    listed = b"".join(
        struct.pack(
            f"{order}HHI{'HH' if form == 3 else 'I'}", code, form, 1, value, *([0] * (form == 3))
        )
        for code, form, value in tags
    )
    start = b"II" if order == "<" else b"MM"
    head = start + struct.pack(f"{order}HI", 42, 8 + len(body))
    return head + body + struct.pack(f"{order}H", len(tags)) + listed + bytes(4)


def _circle(pages: int) -> bytes:
    """Pages of which the last is followed by the first."""
    first = struct.unpack_from("<I", _PLAIN, 4)[0]
    count = struct.unpack_from("<H", _PLAIN, first)[0]
    content, size = bytearray(_PLAIN), 2 + 12 * count + 4
    page, places = bytes(_PLAIN[first : first + size]), [first]
    for _ in range(pages - 1):
        places.append(len(content))
        content += page
    for number, place in enumerate(places):
        following = places[(number + 1) % pages]
        struct.pack_into("<I", content, place + size - 4, following)
    return bytes(content)


def _pages(*pages: np.ndarray, **second: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        with tifffile.TiffWriter(folder / "a.tif") as file:
            for number, page in enumerate(pages):
                options = second if number else {}
                file.write(
                    page, photometric="minisblack", contiguous=False, metadata=None, **options
                )
        return folder / "a.tif"

    return make


def _palette() -> PIL.Image.Image:
    shown = PIL.Image.fromarray(TRUTH.astype(np.uint8))
    shown.putpalette([DARK] * 3 + [BRIGHT] * 3)
    return shown


def _holes(pixels: np.ndarray, *values: float) -> np.ndarray:
    holed = pixels.astype(np.float32)
    holed[0, : len(values)] = values
    return holed


_PLAIN = _content(GREY, metadata=None)
_PIL = PIL.Image.fromarray(GREY)
_RGB = PIL.Image.fromarray(COLOUR)
_SIGNED = GREY.astype(np.int16) * 100 - 12_000
_TALL = _with_tag(_with_tag(_PLAIN, 257, 4_000_000), 256, 4_000_000)

TIFFS: dict[str, Case] = {
    "tiff grey": Case(_tiff(GREY), TRUTH),
    "tiff rgb": Case(_tiff(COLOUR, photometric="rgb"), TRUTH),
    "tiff rgba 16 bit": Case(_tiff(np.dstack([COLOUR, GREY]).astype(np.uint16) * 257, photometric="rgb"), TRUTH),
    "tiff planar rgb 16 bit": Case(_tiff(np.moveaxis(COLOUR, -1, 0).astype(np.uint16), photometric="rgb", planarconfig="separate"), TRUTH),
    "tiff planar rgb": Case(_tiff(np.moveaxis(COLOUR, -1, 0), photometric="rgb", planarconfig="separate"), TRUTH),
    "tiff 16 bit": Case(_tiff(GREY.astype(np.uint16) * 257), TRUTH),
    "tiff 16 bit signed": Case(_tiff(_SIGNED), TRUTH),
    "tiff 8 bit signed": Case(_tiff((GREY.astype(np.int16) - 128).astype(np.int8)), TRUTH),
    "tiff 32 bit": Case(_tiff(GREY.astype(np.uint32) * 10**7), TRUTH),
    "tiff 32 bit signed": Case(_tiff(GREY.astype(np.int32) * 10**7 - 10**9), TRUTH),
    "tiff 64 bit": Case(_tiff(GREY.astype(np.uint64) * 10**16), TRUTH),
    "tiff float16": Case(_tiff(GREY.astype(np.float16)), TRUTH),
    "tiff float32": Case(_tiff(GREY.astype(np.float32) / 255), TRUTH),
    "tiff float64": Case(_tiff(GREY.astype(np.float64) * 1e9), TRUTH),
    "tiff beyond float32": Case(_tiff(GREY.astype(np.float64) * 1e300), TRUTH),
    "tiff with nan": Case(_tiff(_holes(GREY, np.nan, np.nan)), TRUTH),
    "tiff with inf": Case(_tiff(_holes(GREY, np.inf, -np.inf, np.nan)), TRUTH),
    "tiff all nan": Case(_tiff(np.full(SHAPE, np.nan, np.float32)), says="no finite pixel"),
    "tiff all inf": Case(_tiff(np.full(SHAPE, np.inf, np.float32)), says="a.tif"),
    "tiff complex": Case(_tiff(GREY.astype(np.complex64)), says="complex"),
    "tiff 1 bit": Case(_pillow(PIL.Image.fromarray(TRUTH)), TRUTH),
    "tiff 1 bit fax": Case(_pillow(PIL.Image.fromarray(TRUTH), compression="group4"), TRUTH),
    "tiff white is zero": Case(_tiff(255 - GREY, photometric="miniswhite"), TRUTH),
    "tiff 16 bit white is zero": Case(_tiff(65535 - GREY.astype(np.uint16) * 257, photometric="miniswhite"), TRUTH),
    "tiff palette": Case(_pillow(_palette()), TRUTH),
    "tiff cmyk": Case(_pillow(PIL.Image.merge("CMYK", [PIL.Image.new("L", _PIL.size, 0)] * 3 + [PIL.Image.fromarray(255 - GREY)])), TRUTH),
    "tiff lab": Case(_pillow(PIL.Image.merge("LAB", [_PIL, PIL.Image.new("L", _PIL.size, 128), PIL.Image.new("L", _PIL.size, 128)])), TRUTH),
    "tiff lzw": Case(_pillow(_PIL, compression="tiff_lzw"), TRUTH),
    "tiff lzw 16 bit": Case(_pillow(PIL.Image.fromarray(GREY.astype(np.uint16) * 257), compression="tiff_lzw"), TRUTH),
    "tiff jpeg": Case(_pillow(_RGB, compression="jpeg", quality=95), TRUTH),
    "tiff packbits": Case(_pillow(_PIL, compression="packbits"), TRUTH),
    "tiff deflate with predictor": Case(_tiff(GREY.astype(np.uint16) * 257, compression="zlib", predictor=True), TRUTH),
    "tiff big-endian 16 bit": Case(_tiff(GREY.astype(">u2") * 257, byteorder=">"), TRUTH),
    "tiff big-endian rgb": Case(_tiff(COLOUR, byteorder=">", photometric="rgb"), TRUTH),
    "tiff big-endian float": Case(_tiff(GREY.astype(">f4"), byteorder=">"), TRUTH),
    "tiff bigtiff": Case(_tiff(GREY.astype(np.uint16), bigtiff=True), TRUTH),
    "tiff tiled": Case(_tiff(GREY, tile=(16, 16)), TRUTH),
    "tiff tiled 16 bit deflate": Case(_tiff(GREY.astype(np.uint16), tile=(16, 32), compression="zlib"), TRUTH),
    "tiff lzw 8 bit signed": Case(written("a.tif", packed((GREY.astype(np.int16) - 128).astype(np.int8), 5)), TRUTH),
    "tiff lzw 32 bit": Case(written("a.tif", packed(GREY.astype(np.uint32) * 2**24, 5)), TRUTH),
    "tiff lzw 32 bit signed": Case(written("a.tif", packed((GREY.astype(np.int64) * 2**24 - 2**31).astype(np.int32), 5)), TRUTH),
    "tiff lzw 16 bit signed": Case(written("a.tif", packed(_SIGNED, 5, 2)), TRUTH),
    "tiff lzw float": Case(written("a.tif", packed(GREY.astype(np.float32), 5)), TRUTH),
    "tiff lzw 16 bit white is zero": Case(written("a.tif", packed(65535 - GREY.astype(np.uint16) * 257, 5, white=True)), TRUTH),
    "tiff lzw white is zero": Case(written("a.tif", packed(255 - GREY, 5, white=True)), TRUTH),
    "tiff deflate float predictor": Case(written("a.tif", packed(GREY.astype(np.float32), 8, 3)), TRUTH),
    "tiff imagej composite": Case(_tiff(np.stack([GREY] * 3), imagej=True, metadata={"axes": "CYX", "mode": "composite"}), TRUTH),
    "tiff imagej composites": Case(_tiff(np.stack([STACK] * 3, axis=1), imagej=True, metadata={"axes": "ZCYX", "mode": "composite"}), STACK_TRUTH),
    "tiff imagej composite of two": Case(_tiff(np.stack([GREY] * 2), imagej=True, metadata={"axes": "CYX", "mode": "composite"}), says="2 channels"),
    "tiff ome colour": Case(_tiff(np.stack([GREY] * 3), ome=True, metadata={"axes": "CYX"}), TRUTH),
    "tiff ome stains": Case(_tiff(np.stack([GREY] * 3), ome=True, metadata={"axes": "CYX", "Channel": {"Name": ["DAPI", "GFP", "Cy5"]}}), says="3 channels"),
    "tiff ome four channels": Case(_tiff(np.stack([GREY] * 4), ome=True, metadata={"axes": "CYX"}), says="4 channels"),
    "tiff orientation 6": Case(_tiff(np.rot90(GREY), extratags=[(274, 3, 1, 6, True)]), TRUTH),
    "tiff orientation 3 16 bit rgb": Case(_tiff(COLOUR[::-1, ::-1].astype(np.uint16), photometric="rgb", extratags=[(274, 3, 1, 3, True)]), TRUTH),
    "tiff pages": Case(_tiff(STACK), STACK_TRUTH),
    "tiff pages 16 bit deflate": Case(_tiff(STACK.astype(np.uint16) * 9, compression="zlib"), STACK_TRUTH),
    "tiff pages big": Case(_tiff(STACK.astype(np.float32), bigtiff=True, tile=(16, 16)), STACK_TRUTH),
    "tiff pages rgb": Case(_tiff(np.stack([STACK] * 3, axis=-1), photometric="rgb"), STACK_TRUTH),
    "tiff pages lzw": Case(_pillow(PIL.Image.fromarray(STACK[0]), save_all=True, append_images=[PIL.Image.fromarray(plane) for plane in STACK[1:]], compression="tiff_lzw"), STACK_TRUTH),
    "tiff imagej": Case(_tiff(STACK.astype(np.uint16), imagej=True, metadata={"axes": "ZYX"}), STACK_TRUTH),
    "tiff imagej channels": Case(_tiff(STACK.astype(np.uint16), imagej=True, metadata={"axes": "CYX"}), STACK_TRUTH),
    "tiff ome": Case(_tiff(STACK.astype(np.uint16), ome=True, metadata={"axes": "ZYX"}), STACK_TRUTH),
    "tiff with thumbnail": Case(_pages(GREY, GREY[::2, ::2], subfiletype=1), TRUTH),
    "tiff pages of different sizes": Case(_pages(GREY, GREY[:20]), says="sizes"),
    "tiff with a blank page": Case(_tiff(np.concatenate([STACK, 0 * STACK[:1]])), np.concatenate([STACK_TRUTH, 0 * STACK_TRUTH[:1]])),
    "tiff blank pages": Case(_tiff(0 * STACK), says="blank"),
    "tiff two samples": Case(_tiff(np.dstack([GREY, GREY]), planarconfig="contig", extrasamples=["unassalpha"]), TRUTH),
    "tiff seven samples": Case(_tiff(np.dstack([GREY.astype(np.uint16)] * 7), planarconfig="contig"), says="7"),
    "tiff page that comes after itself": Case(written("a.tif", _circle(1)), says="circle"),
    "tiff pages in a long circle": Case(written("a.tif", _circle(300)), says="circle"),
    "tiff declared absurdly large": Case(written("a.tif", _TALL), says="LOCALDISC_MAX_PIXELS"),
    "tiff strips beyond the end": Case(written("a.tif", _with_tag(_PLAIN, 273, 2**31)), says="a.tif"),
    "tiff unknown compression": Case(written("a.tif", _with_tag(_PLAIN, 259, 4711)), says="a.tif"),
    "tiff only signature": Case(written("a.tif", _PLAIN[:4]), says="a.tif"),
    "tiff only header": Case(written("a.tif", _PLAIN[:8]), says="a.tif"),
    "tiff cut in directory": Case(written("a.tif", _PLAIN[:40]), says="a.tif"),
    "tiff cut before data": Case(written("a.tif", _PLAIN[: -GREY.size]), says="a.tif"),
    "tiff cut in data": Case(written("a.tif", _PLAIN[: -GREY.size // 2]), says="a.tif"),
    "tiff deflate cut": Case(written("a.tif", _content(GREY, compression="zlib")[:-20]), says="a.tif"),
    "tiff pages cut": Case(written("a.tif", _content(STACK)[: -GREY.size]), says="a.tif"),
    "tiff named png": Case(written("a.png", _PLAIN), TRUTH),
    "tiff pages named png": Case(written("a.png", _content(STACK)), STACK_TRUTH),
    "png named tiff": Case(_pillow(_PIL, format="PNG"), TRUTH),
}  # fmt: skip
