"""Safetensors files with a JSON header of ours: nothing in them can execute, no torch needed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import safetensors.numpy

from napari_localdisc.base.atomic import write_bytes
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import check_bytes

Arrays = Mapping[str, npt.NDArray[Any]]

_KIND, _HEADER = "napari-localdisc", "header"
_LONGEST_HEADER = 2**24
"""Bytes of names, sizes and card at the beginning of a file."""


def pack_tensors(kind: str, header: str, tensors: Arrays) -> bytes:
    """Put tensors and a header together as the content of a file.

    Parameters
    ----------
    kind : str
        What the file is, for example ``"encoder"``.
    header : str
        JSON text.
    tensors : mapping of str to ndarray
    """
    plain = {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()}
    return safetensors.numpy.save(plain, metadata={_KIND: kind, _HEADER: header})


def save_tensors(path: Path, kind: str, header: str, tensors: Arrays) -> None:
    """Write tensors and a header; the file appears whole or not at all.

    Parameters
    ----------
    path : Path
        Replaced if it exists; its folder is made if needed.
    kind, header, tensors
        As `pack_tensors` takes them.

    Raises
    ------
    LocaldiscError
        If the file cannot be written: a full disk, a folder without permission.
    """
    write_bytes(path, pack_tensors(kind, header, tensors))


def kind_of(path: Path) -> str | None:
    """Say what a file is, as `save_tensors` was told; None if it is none of ours."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            return _metadata(file.read(min(length, _LONGEST_HEADER))).get(_KIND)
    except (OSError, ValueError):
        return None


def read_content(path: Path, kind: str) -> bytes:
    """Read a file whole, as far as that is no larger than a file of ours may be.

    Raises
    ------
    LocaldiscError
        If the file is missing, too large or unreadable.
    """
    if not path.is_file():
        raise LocaldiscError(f"{kind} file {path} does not exist; check the path.")
    check_bytes(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise _unreadable(path, kind, error) from error


def unpack_header(content: bytes, kind: str, path: Path) -> str:
    """Read the header of a file's content; `path` is named in errors, as of `load_tensors`."""
    try:
        length = int.from_bytes(content[:8], "little")
        if length > _LONGEST_HEADER:
            raise ValueError(f"header of {length} bytes, more than the limit of {_LONGEST_HEADER}")
        metadata = _metadata(content[8 : 8 + length])
    except ValueError as error:
        raise _unreadable(path, kind, error) from error
    found = metadata.get(_KIND)
    if found != kind:
        what = f"is of kind {found!r}" if found else f"was not written by {_KIND}"
        raise LocaldiscError(f"{path} {what}; expected a file of kind {kind!r}.")
    return metadata.get(_HEADER, "")


def unpack_tensors(
    content: bytes, kind: str, path: Path
) -> tuple[str, dict[str, npt.NDArray[Any]]]:
    """Take the content of a file apart; `path` is named in errors, as of `load_tensors`."""
    header = unpack_header(content, kind, path)
    try:
        return header, safetensors.numpy.load(content)
    except Exception as error:  # whatever the library makes of damaged content
        raise _unreadable(path, kind, error) from error


def load_tensors(path: Path, kind: str) -> tuple[str, dict[str, npt.NDArray[Any]]]:
    """Read what `save_tensors` wrote.

    Returns
    -------
    header : str
    tensors : dict of str to ndarray

    Raises
    ------
    LocaldiscError
        If the file is missing, is no safetensors file, or is of another kind.
    """
    return unpack_tensors(read_content(path, kind), kind, path)


def _metadata(text: bytes) -> dict[str, str]:
    try:
        found = json.loads(text)
        metadata = found.get("__metadata__", {})
    except (ValueError, RecursionError, AttributeError) as error:
        raise ValueError(f"no safetensors header: {error}") from error
    if not isinstance(metadata, dict) or not all(isinstance(v, str) for v in metadata.values()):
        raise ValueError("metadata that is no text")
    return metadata


def _unreadable(path: Path, kind: str, error: Exception) -> LocaldiscError:
    return LocaldiscError(
        f"{path} is not a readable {kind} file ({error}); give a .safetensors file"
        " written by napari-localdisc."
    )
