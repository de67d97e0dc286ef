"""Reading the chunks of a Zarr array, each held to the size that its header gives it."""

from __future__ import annotations

import bz2
import importlib
import lzma
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.extras import needed
from napari_localdisc.formats.format import Pixels
from napari_localdisc.formats.omezarr.array_header import ArrayHeader

EXTRA = "zarr"
_ROOM = 2**16
"""Bytes by which packing may make a chunk longer."""
_WINDOW_OF_BOTH = zlib.MAX_WBITS | 32
"""Takes zlib's own header and that of gzip."""


@dataclass(frozen=True)
class Chunks:
    """What was read of an array.

    Attributes
    ----------
    pixels : ndarray
        As selected.
    missing : int
        Chunks that are not there; their pixels have the array's fill value.
    """

    pixels: Pixels
    missing: int


def read_chunks(folder: Path, header: ArrayHeader, selection: tuple[Any, ...]) -> Chunks:
    """Read part of an array.

    Parameters
    ----------
    folder : Path
    header : ArrayHeader
    selection : tuple of int or slice
        For each axis.

    Raises
    ------
    LocaldiscError
        If zarr is missing, or a chunk is no plain file or unpacks to more than it should.
    """
    zarr = needed("zarr", EXTRA, folder)
    storage = importlib.import_module("zarr.storage")
    missing: list[str] = []

    class Checked(storage.WrapperStore):  # type: ignore[misc, name-defined]
        """Files below the folder, each looked at before it is decoded."""

        async def get(self, key: str, *arguments: Any, **options: Any) -> Any:
            """Give the content of a file."""
            path = folder / key
            is_chunk = not path.name.startswith(".z") and path.name != "zarr.json"
            if is_chunk:
                _check_file(path, header)
            found = await super().get(key, *arguments, **options)
            if is_chunk and found is None:
                missing.append(key)
            elif is_chunk and header.packing:
                _check_unpacked(path, found.to_bytes(), header)
            return found

    store = Checked(storage.LocalStore(folder, read_only=True))
    array = zarr.open_array(store=store, mode="r")
    return Chunks(np.asarray(array[selection]), len(missing))


def _check_file(path: Path, header: ArrayHeader) -> None:
    if path.exists() and not path.is_file():
        raise LocaldiscError(f"{path} is no plain file; copy the image again.")
    if path.is_file() and path.stat().st_size > 1.1 * header.chunk_bytes + _ROOM:
        raise _too_long(path, header)


def _check_unpacked(path: Path, content: bytes, header: ArrayHeader) -> None:
    """Refuse a chunk that unpacks to more than a chunk holds, before it is unpacked."""
    length = _LENGTHS.get(header.packing or "")
    if length is not None and length(content, header.chunk_bytes) > header.chunk_bytes:
        raise _too_long(path, header)


def _too_long(path: Path, header: ArrayHeader) -> LocaldiscError:
    return LocaldiscError(
        f"{path} holds more than the {header.chunk_bytes} bytes of a chunk; copy or export the"
        " image again."
    )


def _told_by_blosc(content: bytes, _: int) -> int:
    return int.from_bytes(content[4:8], "little")


def _told_by_lz4(content: bytes, _: int) -> int:
    return int.from_bytes(content[:4], "little")


def _told_by_zstd(content: bytes, _: int) -> int:
    """Tell the length that a frame of Zstandard says it has; 0 if it does not say."""
    flags = content[4] if len(content) > 4 else 0
    is_single, kind = bool(flags & 0x20), flags >> 6
    length = (1 if is_single else 0, 2, 4, 8)[kind]
    start = 5 + (not is_single) + (0, 1, 2, 4)[flags & 3]
    return int.from_bytes(content[start : start + length], "little") + (256 if kind == 1 else 0)


def _counted(decoder: Callable[[], Any]) -> Callable[[bytes, int], int]:
    """Unpack no more than one byte beyond the limit."""

    def count(content: bytes, most: int) -> int:
        return len(decoder().decompress(content, most + 1))

    return count


_LENGTHS: dict[str, Callable[[bytes, int], int]] = {
    "blosc": _told_by_blosc,
    "lz4": _told_by_lz4,
    "zstd": _told_by_zstd,
    "gzip": _counted(lambda: zlib.decompressobj(_WINDOW_OF_BOTH)),
    "zlib": _counted(lambda: zlib.decompressobj(_WINDOW_OF_BOTH)),
    "bz2": _counted(bz2.BZ2Decompressor),
    "lzma": _counted(lzma.LZMADecompressor),
}
"""How long a packed chunk is unpacked: as it says itself, or counted up to the limit."""
