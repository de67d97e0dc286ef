"""Limits on the memory that a file may ask for, checked before it is allocated."""

from __future__ import annotations

import os
from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError

VARIABLE = "LOCALDISC_MAX_PIXELS"
"""Environment variable that sets the limit."""

MAX_PIXELS = 150_000_000
"""Pixels of an image unless `VARIABLE` says otherwise; a little over 12,000 x 12,000."""

_BYTES, _VALUES = 16, 4
"""Bytes of weights, and values of a network's widest layer, for each pixel of the limit."""

STACK = 4
"""The planes of a stack, of which one is worked on at a time, may hold so many times as much."""


def max_pixels() -> int:
    """Largest number of pixels of an image.

    Raises
    ------
    LocaldiscError
        If the environment sets it to anything but a positive whole number.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return MAX_PIXELS
    if not (text.isascii() and text.isdigit() and int(text)):
        raise LocaldiscError(f"{VARIABLE}={text} is no number of pixels; set it to {MAX_PIXELS}.")
    return int(text)


def check_pixels(path: Path, width: int, height: int, planes: int = 1) -> None:
    """Refuse an image that is larger than the limit, by what its header says.

    Parameters
    ----------
    path : Path
    width, height : int
        In pixels.
    planes : int
        Pages, slices or frames.

    Raises
    ------
    LocaldiscError
        Names the limit and how to raise it.
    """
    limit = max_pixels()
    if width * height > limit or width * height * planes > STACK * limit:
        size = f"{width} x {height}" + (f" x {planes}" if planes > 1 else "")
        needed = max(width * height, -(-width * height * planes // STACK))
        raise too_large(path, size, needed)


def too_large(path: Path, size: str, needed: int) -> LocaldiscError:
    """Make the error for an image beyond the limit, with the limit that would do."""
    limit = max_pixels()
    return LocaldiscError(
        f"{path} says that it is {size} pixels, more than the limit of {limit} an image and"
        f" {STACK * limit} a stack; scale it down or, if you trust it and have the memory, set"
        f" {VARIABLE}={needed}."
    )


def check_bytes(path: Path) -> None:
    """Refuse a file of weights that would fill the memory.

    Raises
    ------
    LocaldiscError
        Names the limit and how to raise it.
    """
    size, limit = path.stat().st_size, _BYTES * max_pixels()
    if size > limit:
        raise LocaldiscError(
            f"{path} holds {size} bytes, more than the limit of {limit}; if you trust it and have"
            f" the memory, set {VARIABLE}={-(-size // _BYTES)}."
        )


def check_values(path: Path, values: int) -> None:
    """Refuse a network whose layers would fill the memory.

    Parameters
    ----------
    path : Path
        The network's file.
    values : int
        Numbers in its widest layer.

    Raises
    ------
    LocaldiscError
        Names the limit and how to raise it.
    """
    limit = _VALUES * max_pixels()
    if values > limit:
        needed = -(-values // _VALUES)
        raise LocaldiscError(
            f"{path} describes a network with layers of {values} numbers, more than the limit of"
            f" {limit}; if you trust it and have the memory, set {VARIABLE}={needed}."
        )
