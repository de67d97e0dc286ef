"""The one or two files of a NIfTI image, packed or not."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.format import HEAD

_GZIP = b"\x1f\x8b"
HEADER, IMAGE = ".hdr", ".img"
"""Endings of the two files of a pair."""


def is_header(head: bytes) -> bool:
    """Whether these first bytes of a file are those of a NIfTI file."""
    return head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0"


def is_header_alone(head: bytes) -> bool:
    """Whether these are the first bytes of a NIfTI header whose pixels are in another file."""
    return head[344:348] == b"ni1\0" or head[4:8] == b"ni2\0"


def parts_of(path: Path) -> list[Path]:
    """List the files that an image is read from: the two of a pair, or the one."""
    header = partner(path, HEADER) if is_part_of_pair(path) else path
    image = partner(header, IMAGE)
    is_pair = header.suffix.lower() == HEADER and image.is_file()
    return [header, image] if is_pair else [path]


def is_part_of_pair(path: Path) -> bool:
    """Whether a file holds the pixels of a header beside it."""
    return path.suffix.lower() == IMAGE and partner(path, HEADER).is_file()


def partner(path: Path, ending: str) -> Path:
    """Name the other file of a pair, in capitals if this one is."""
    return path.with_suffix(ending.upper() if path.suffix.isupper() else ending)


def opened(path: Path) -> IO[bytes]:
    """Open a file, unpacking it where it is packed."""
    with path.open("rb") as file:
        is_packed = file.read(2) == _GZIP
    return cast(IO[bytes], gzip.open(path)) if is_packed else path.open("rb")


@contextmanager
def pixels_of(path: Path) -> Iterator[IO[bytes] | None]:
    """Open the file with the pixels of a header; nothing for one that holds its own."""
    with path.open("rb") as file:
        head = file.read(HEAD)
    if not is_header_alone(head):
        yield None
        return
    other = partner(path, IMAGE)
    if not other.is_file():
        raise LocaldiscError(
            f"{path} is the header of a NIfTI pair and {other.name} is not beside it; add it, or"
            " convert the pair to .nii."
        )
    with opened(other) as pixels:
        yield pixels
