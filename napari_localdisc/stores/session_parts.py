"""The parts of a session archive, read within limits that are checked before memory is taken."""

from __future__ import annotations

import tokenize
import zipfile
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import STACK, VARIABLE, max_pixels

LONGEST_RECORD = 2**24
"""Bytes of the record, which takes many times as much once it is read."""

_MASKS_PACKED = 8
"""Pixels of a prior's masks in a byte."""
_LONGEST_HEADER = 10_000
_LONGEST_SIDE = 2**31
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CHUNK = 2**20

Array = npt.NDArray[np.integer[Any]]


def check_parts(archive: zipfile.ZipFile, path: Path, record: str, prior: str) -> None:
    """Refuse an archive whose parts would fill the memory, by what its directory says.

    Parameters
    ----------
    archive : ZipFile
    path : Path
        Named in errors.
    record, prior : str
        Names of two parts that grow when they are read.

    Raises
    ------
    LocaldiscError
        Names the limit and how to raise it.
    ValueError
        If a part is packed in a way that this program does not use.
    """
    total = 0
    for part in archive.infolist():
        if part.compress_type not in _METHODS:
            raise ValueError(f"{part.filename} is packed by an unknown method")
        total += part.file_size * (_MASKS_PACKED if part.filename == prior else 1)
        if part.filename == record and part.file_size > LONGEST_RECORD:
            raise LocaldiscError(
                f"session {path} has a part {record} that unpacks to {part.file_size} bytes, more"
                f" than the limit of {LONGEST_RECORD}; save it again with fewer drawings."
            )
    limit = STACK * max_pixels()
    if total > limit:
        raise LocaldiscError(
            f"session {path} unpacks to {total} bytes, more than the limit of {limit}; if you trust"
            f" it and have the memory, set {VARIABLE}={-(-total // STACK)}."
        )


def read_map(archive: zipfile.ZipFile, name: str) -> Array:
    """Read a label map straight into its array.

    Parameters
    ----------
    archive : ZipFile
        As `check_parts` has let pass.
    name : str

    Raises
    ------
    KeyError, ValueError, EOFError, BadZipFile
        If it is missing or damaged, or holds anything but the whole numbers that it says.
    """
    with archive.open(name) as file:
        shape, is_fortran, dtype = _header(file)
        size = archive.getinfo(name).file_size - file.tell()
        count = 1
        for side in shape:
            count *= side
        is_plain = dtype.kind in "bui" and all(0 <= side <= _LONGEST_SIDE for side in shape)
        if not is_plain or count * dtype.itemsize != size:
            raise ValueError(f"{name} does not hold the whole numbers that it says")
        flat = np.empty(count, dtype)
        _fill(file, flat)
        file.read(1)  # reaches the checksum
    return flat.reshape(shape, order="F" if is_fortran else "C")


def _header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    reader = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(file)]
    try:
        return reader(file, max_header_size=_LONGEST_HEADER)
    except (SyntaxError, tokenize.TokenError) as error:  # numpy parses headers as Python
        raise ValueError("a label map has a damaged header") from error


def _fill(file: IO[bytes], flat: npt.NDArray[Any]) -> None:
    place = flat.view(np.uint8).data
    while len(place):
        content = file.read(min(_CHUNK, len(place)))
        if not content:
            raise EOFError("a label map ends too early")
        place[: len(content)] = content
        place = place[len(content) :]
