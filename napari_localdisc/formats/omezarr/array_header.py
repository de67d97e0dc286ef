"""The header of a Zarr array, read before anything is decoded."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import check_pixels
from napari_localdisc.base.texts import parse_json, read_text

_HEADER, _HEADER_3 = ".zarray", "zarr.json"
_SHARDS = "sharding_indexed"
_KNOWN = {
    "blosc", "bz2", "gzip", "lz4", "lzma", "zlib", "zstd",
    "bytes", "crc32c", "delta", "endian", "shuffle", "transpose", _SHARDS,
}  # fmt: skip
"""Ways of storing numbers that are decoded; others could run what a stranger wrote, as pickle."""
_MOST_CHUNKS = 2_000_000


@dataclass(frozen=True)
class ArrayHeader:
    """What an array is.

    Attributes
    ----------
    shape, chunks : tuple of int
    dtype : numpy.dtype
    codecs : tuple of str
        How its numbers are stored; the last one is undone first.
    """

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]
    codecs: tuple[str, ...]

    @property
    def chunk_bytes(self) -> int:
        """Bytes of a chunk, unpacked."""
        return math.prod(self.chunks) * self.dtype.itemsize

    @property
    def packing(self) -> str | None:
        """How a whole file of the array is packed, if it is."""
        packed = [one for one in self.codecs if one not in ("crc32c", "bytes", "transpose")]
        return packed[-1] if packed and _SHARDS not in self.codecs else None


def read_array_header(folder: Path) -> ArrayHeader:
    """Read the header of an array.

    Raises
    ------
    LocaldiscError
        If it holds no plain numbers, is stored in another way than is known, or is too large.
    OSError, ValueError, KeyError, TypeError
        If it is missing or damaged.
    """
    is_new = (folder / _HEADER_3).is_file()
    told = parse_json(read_text(folder / (_HEADER_3 if is_new else _HEADER)))
    chunks = told["chunk_grid"]["configuration"]["chunk_shape"] if is_new else told["chunks"]
    header = ArrayHeader(
        _whole(told["shape"]),
        _whole(chunks),
        np.dtype(told["data_type"] if is_new else told["dtype"]),
        tuple(_codecs(told["codecs"]) if is_new else _filters(told)),
    )
    _check(folder, header)
    return header


def _whole(numbers: Iterable[Any]) -> tuple[int, ...]:
    found = tuple(numbers)
    if not all(isinstance(one, int) and one >= 0 for one in found):
        raise ValueError("sizes that are no whole numbers")
    return found


def _codecs(listed: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for one in listed:
        yield str(one["name"])
        yield from _codecs((one.get("configuration") or {}).get("codecs") or ())
        yield from _codecs((one.get("configuration") or {}).get("index_codecs") or ())


def _filters(told: Mapping[str, Any]) -> Iterable[str]:
    for one in (*(told.get("filters") or ()), told.get("compressor")):
        if one:
            yield str(one["id"])


def _check(folder: Path, header: ArrayHeader) -> None:
    if header.dtype.kind not in "buif":
        raise LocaldiscError(
            f"{folder} holds numbers of type {header.dtype}; give plain grey or RGB pixels."
        )
    strange = [one for one in header.codecs if one not in _KNOWN]
    if strange:
        raise LocaldiscError(
            f"{folder} stores its pixels in a way that is not read ({strange[0]}); save it again"
            " with blosc, zstd or gzip."
        )
    if len(header.chunks) != len(header.shape) or 0 in header.shape or 0 in header.chunks:
        raise LocaldiscError(
            f"{folder} holds an array of shape {header.shape} in chunks of {header.chunks};"
            " export it again."
        )
    for shape in (header.shape, header.chunks):
        *planes, height, width = (1, 1, *shape)
        check_pixels(folder, width, height, math.prod(planes))
    count = math.prod(-(-a // b) for a, b in zip(header.shape, header.chunks, strict=True))
    if count > _MOST_CHUNKS:
        raise LocaldiscError(
            f"{folder} is stored in {count} chunks, more than the limit of {_MOST_CHUNKS}; save it"
            " again with larger ones."
        )
