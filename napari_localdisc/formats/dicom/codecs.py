"""Compressed DICOM: kinds that pydicom reads with one more package, and frames that lie.

`is_available`, `DECODER_DEPENDENCIES` and `decode_frame` make this module a decoding plugin of
pydicom.
"""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from napari_localdisc.base.errors import LocaldiscError

_LOSSLESS = ("1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70")
_TWELVE_BITS = "1.2.840.10008.1.2.4.51"
DECODER_DEPENDENCIES = dict.fromkeys((*_LOSSLESS, _TWELVE_BITS), ("imagecodecs",))

_LABEL = "napari-localdisc"
_START_OF_FRAME = {*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC}
"""Markers of JPEG and JPEG-LS after which the size follows."""
_ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers without content."""


def is_available(syntax: str) -> bool:
    """Whether a transfer syntax can be read by this plugin."""
    return syntax in DECODER_DEPENDENCIES and importlib.util.find_spec("imagecodecs") is not None


def decode_frame(source: bytes, runner: Any) -> bytearray:
    """Decode a frame for pydicom."""
    imagecodecs = importlib.import_module("imagecodecs")
    is_lossless = runner.transfer_syntax in _LOSSLESS
    decode = imagecodecs.jpegsof3_decode if is_lossless else imagecodecs.jpeg8_decode
    pixels = np.asarray(decode(source))
    runner.set_option("bits_allocated", 8 * pixels.dtype.itemsize)
    if pixels.ndim == 3:
        runner.set_option("planar_configuration", 0)
    return bytearray(pixels.astype(pixels.dtype.newbyteorder("<")).tobytes())


def check_decoder(path: Path, syntax: Any, bits: int = 0) -> None:
    """Refuse a transfer syntax that cannot be read, or not as things are installed.

    Parameters
    ----------
    path : Path
    syntax : pydicom.uid.UID
    bits : int
        Of a pixel: of one syntax, eight are read without another package and twelve with it.

    Raises
    ------
    LocaldiscError
        Names the syntax, and the install command where there is one.
    """
    decoder = _decoder_of(syntax)
    if decoder is None:
        raise LocaldiscError(
            f"{path} is compressed in a way that cannot be read (transfer syntax {syntax}); export"
            " it again without compression."
        )
    if is_available(syntax) and _LABEL not in decoder.available_plugins:
        decoder.add_plugin(_LABEL, (__name__, decode_frame.__name__))
    is_deep = syntax == _TWELVE_BITS and bits > 8 and not is_available(syntax)
    if is_deep or not decoder.is_available:
        raise LocaldiscError(
            f"{path} is compressed as {syntax.name}, which takes another package; run:"
            " pip install 'napari-localdisc[codecs]'"
        )


def _decoder_of(syntax: Any) -> Any | None:
    """Find the decoder of a transfer syntax, None of one that pydicom does not know."""
    decoders = importlib.import_module("pydicom.pixels.decoders")
    every = (getattr(decoders, name) for name in dir(decoders) if name.endswith("Decoder"))
    return next((decoder for decoder in every if syntax == decoder.UID), None)


def check_frames(path: Path, tags: Any) -> None:
    """Refuse frames that unfold to another size than the file says.

    Raises
    ------
    LocaldiscError
        Names both sizes.
    """
    encaps = importlib.import_module("pydicom.encaps")
    count, told = int(tags.get("NumberOfFrames") or 1), (int(tags.Columns), int(tags.Rows))
    for frame in encaps.generate_frames(tags.PixelData, number_of_frames=count):
        size = _size_of(frame)
        if size not in (None, told):
            raise LocaldiscError(
                f"{path} holds a frame of {size} pixels and says {told} of it; export it again."
            )


def _size_of(frame: bytes) -> tuple[int, int] | None:
    """Width and height that a compressed frame says it has; None of kinds that do not."""
    if frame.startswith(b"\xff\x4f\xff\x51"):  # JPEG 2000
        right, low, left, top = (
            int.from_bytes(frame[at : at + 4], "big") for at in (8, 12, 16, 20)
        )
        return right - left, low - top
    place = 2 if frame.startswith(b"\xff\xd8") else len(frame)
    while place + 9 <= len(frame):
        marker = frame[place + 1]
        if frame[place] != 0xFF:
            return None
        if marker in _START_OF_FRAME:
            height, width = (
                int.from_bytes(frame[place + at : place + at + 2], "big") for at in (5, 7)
            )
            return width, height
        length = 0 if marker in _ALONE else int.from_bytes(frame[place + 2 : place + 4], "big")
        place += 1 if marker == 0xFF else 2 + length
    return None
