"""PNG, JPEG, GIF and BMP."""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL.Image

from tests.corpus.case import BRIGHT, DARK, SHAPE, Case, cut, picture, stack, truth_of, written

TRUTH = truth_of(picture())
GREY = PIL.Image.fromarray(picture())
RGB = PIL.Image.fromarray(np.dstack([picture()] * 3))


def _saved(name: str, shown: PIL.Image.Image, **options: object) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        shown.save(folder / name, **options)
        return folder / name

    return make


def _content(shown: PIL.Image.Image, kind: str, **options: object) -> bytes:
    memory = io.BytesIO()
    shown.save(memory, kind, **options)
    return memory.getvalue()


def _oriented(name: str, orientation: int) -> Callable[[Path], Path]:
    """Store the picture turned, with the tag that says how to turn it back."""
    back = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    exif = PIL.Image.Exif()
    exif[0x0112] = orientation
    stored = RGB if back is None else RGB.transpose(PIL.Image.Transpose(back))
    return _saved(name, stored, exif=exif, **({"quality": 95} if name.endswith("jpg") else {}))


def _palette(**options: object) -> Callable[[Path], Path]:
    shown = PIL.Image.fromarray(TRUTH.astype(np.uint8))
    shown.putpalette([DARK] * 3 + [BRIGHT] * 3)
    return _saved("palette.png", shown, **options)


def _bomb(width: int, height: int) -> bytes:
    """A PNG that says it is huge."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return (
            struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        )

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    body = zlib.compress(bytes(100_000), 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    )


def _bad_crc() -> bytes:
    content = bytearray(_content(GREY, "PNG"))
    content[29] ^= 0xFF
    return bytes(content)


def _turned(degrees: int) -> PIL.Image.Image:
    return PIL.Image.fromarray(np.rot90(picture(), degrees // 90))


_FRAMES = [PIL.Image.fromarray(plane) for plane in stack()]
_ANIMATED = {"save_all": True, "append_images": _FRAMES[1:]}
_LONG = np.tile(np.array([DARK, BRIGHT], np.uint8).repeat(500), (16, 20))
_CMYK = PIL.Image.merge(
    "CMYK", [PIL.Image.new("L", SHAPE[::-1], 0)] * 3 + [PIL.Image.fromarray(255 - picture())]
)
_PNG, _JPEG, _GIF, _BMP = (_content(GREY, kind) for kind in ("PNG", "JPEG", "GIF", "BMP"))

PICTURES: dict[str, Case] = {
    "png grey": Case(_saved("a.png", GREY), TRUTH),
    "png capitals": Case(_saved("A.PNG", GREY), TRUTH),
    "png rgb": Case(_saved("a.png", RGB), TRUTH),
    "png rgba": Case(_saved("a.png", RGB.convert("RGBA")), TRUTH),
    "png grey and alpha": Case(_saved("a.png", GREY.convert("LA")), TRUTH),
    "png palette": Case(_palette(), TRUTH),
    "png palette with transparency": Case(_palette(transparency=0), TRUTH),
    "png palette with alpha table": Case(_palette(transparency=bytes([0, 128])), TRUTH),
    "png 1 bit": Case(_saved("a.png", PIL.Image.fromarray(TRUTH)), TRUTH),
    "png 16 bit": Case(_saved("a.png", PIL.Image.fromarray(picture().astype(np.uint16) * 257)), TRUTH),
    "png interlaced rgb": Case(_saved("a.png", RGB, interlace=1), TRUTH),
    "png animated": Case(_saved("a.png", _FRAMES[0], **_ANIMATED), says="3 frames"),
    "png all black": Case(_saved("a.png", PIL.Image.new("L", SHAPE[::-1], 0)), says="blank"),
    "png all white": Case(_saved("a.png", PIL.Image.new("RGB", SHAPE[::-1], "white")), says="blank"),
    "png one pixel": Case(_saved("a.png", PIL.Image.new("L", (1, 1))), says="1 x 1 pixels"),
    "png one row": Case(_saved("a.png", PIL.Image.new("L", (20_000, 1))), says="20000 x 1 pixels"),
    "png one column": Case(_saved("a.png", PIL.Image.new("L", (1, 20_000))), says="1 x 20000 pixels"),
    "png long strip": Case(_saved("a.png", PIL.Image.fromarray(_LONG)), truth_of(_LONG)),
    "png tall strip": Case(_saved("a.png", PIL.Image.fromarray(_LONG.T)), truth_of(_LONG.T)),
    "png zero bytes": Case(written("a.png", b""), says="empty"),
    "png only signature": Case(written("a.png", _PNG[:8]), says="a.png"),
    "png cut in header": Case(written("a.png", _PNG[:20]), says="a.png"),
    "png cut after header": Case(written("a.png", _PNG[:33]), says="a.png"),
    "png cut in data": Case(written("a.png", _PNG[:-40]), says="a.png"),
    "png cut before end": Case(written("a.png", _PNG[:-12]), TRUTH),
    "png wrong checksum": Case(written("a.png", _bad_crc()), says="a.png"),
    "png zero width": Case(written("a.png", _bomb(0, 40)), says="a.png"),
    "png bomb": Case(written("a.png", _bomb(60_000, 60_000)), says="LOCALDISC_MAX_PIXELS"),
    "png absurd": Case(written("a.png", _bomb(2**31 - 1, 2**31 - 1)), says="a.png"),
    "png is text": Case(written("a.png", b"no image at all\n" * 9), says="not an image"),
    "png is html": Case(written("a.png", b"<!doctype html><html></html>"), says="not an image"),
    "png is zip": Case(written("a.png", b"PK\x03\x04" + bytes(60)), says="not an image"),
    "png is noise": Case(written("a.png", bytes(range(256)) * 9), says="not an image"),
    "png with rubbish behind": Case(written("a.png", _PNG + b"rubbish" * 99), TRUTH),
    "png is jpeg": Case(_saved("a.png", GREY, format="JPEG", quality=95), TRUTH),
    "jpeg grey": Case(_saved("a.jpg", GREY, quality=95), TRUTH),
    "jpeg rgb": Case(_saved("a.jpeg", RGB, quality=95), TRUTH),
    "jpeg progressive": Case(_saved("a.jpg", RGB, quality=95, progressive=True), TRUTH),
    "jpeg cmyk": Case(_saved("a.jpg", _CMYK, quality=95), TRUTH),
    "jpeg is png": Case(_saved("a.jpg", GREY, format="PNG"), TRUTH),
    "jpeg cut in header": Case(written("a.jpg", _JPEG[:10]), says="a.jpg"),
    "jpeg cut before data": Case(written("a.jpg", _JPEG[: _JPEG.index(b"\xff\xda")]), says="a.jpg"),
    "jpeg cut in data": Case(written("a.jpg", _JPEG[:-60]), says="a.jpg"),
    "jpeg without end": Case(cut(_saved("a.jpg", GREY, quality=95), -2), None, says="a.jpg"),
    "jpeg rubbish in exif": Case(_saved("a.jpg", GREY, exif=b"Exif\0\0II*\0\xff\xff\xff\xff", quality=95), TRUTH),
    **{f"jpeg orientation {n}": Case(_oriented("a.jpg", n), TRUTH) for n in range(1, 9)},
    "png orientation 6": Case(_oriented("a.png", 6), TRUTH),
    "jpeg orientation 99": Case(_saved("a.jpg", GREY, exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x63\0\0\0\0\0\0\0", quality=95), TRUTH),
    "gif": Case(_saved("a.gif", GREY), TRUTH),
    "gif animated": Case(_saved("a.gif", _FRAMES[0], **_ANIMATED), says="3 frames"),
    "gif cut": Case(written("a.gif", _GIF[: len(_GIF) // 2]), says="a.gif"),
    "bmp": Case(_saved("a.bmp", RGB), TRUTH),
    "webp": Case(_saved("a.webp", RGB, lossless=True), TRUTH),
    "webp animated": Case(_saved("a.webp", _FRAMES[0], **_ANIMATED), says="3 frames"),
    "jpeg 2000": Case(_saved("a.jp2", GREY), TRUTH),
    "jpeg 2000 16 bit": Case(_saved("a.jp2", PIL.Image.fromarray(picture().astype(np.uint16) * 200)), TRUTH),
    "jfif": Case(_saved("a.jfif", RGB, format="JPEG", quality=95), TRUTH),
    "pgm": Case(_saved("a.pgm", GREY), TRUTH),
    "pgm 16 bit": Case(written("a.pgm", b"P5 56 40 65535\n" + (picture().astype(np.uint16) * 200).astype(">u2").tobytes()), TRUTH),
    "ppm": Case(_saved("a.ppm", RGB), TRUTH),
    "bmp cut": Case(written("a.bmp", _BMP[: len(_BMP) // 2]), says="a.bmp"),
    "bmp absurd": Case(written("a.bmp", _BMP[:18] + struct.pack("<ii", 70_000, 70_000) + _BMP[26:]), says="LOCALDISC_MAX_PIXELS"),
}  # fmt: skip
