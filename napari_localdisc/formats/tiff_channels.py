"""Channels that a TIFF stores as pages of their own: one colour image, or none that can be told."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.format import Pixels

AXIS = "C"
_GREY = "grayscale"
"""Mode of ImageJ in which channels are looked at one by one."""

_NAMES = ("red", "green", "blue")
_LONGEST = 2**20
"""Signs of a description that are searched for the names of channels."""

Order = tuple[int, ...]


def colour_order(path: Path, file: tifffile.TiffFile, series: tifffile.TiffPageSeries) -> Order:
    """Find the channels that are red, green and blue.

    Returns
    -------
    tuple of int
        Their numbers; empty where pages are no channels, or channels are to be seen one by one.

    Raises
    ------
    LocaldiscError
        If there are channels and it cannot be told what they are.
    """
    count = dict(zip(series.axes, series.shape, strict=True)).get(AXIS, 1)
    about = file.imagej_metadata or {}
    if count == 1 or "S" in series.axes or about.get("mode") == _GREY:
        return ()
    said = _by_tables(about.get("LUTs") or ()) or order_by_names(_channel_names(file))
    order = order_of_three(count, said)
    if order is not None:
        return order
    raise LocaldiscError(
        f"{path} holds {count} channels (axes {series.axes}) that make no colour image together;"
        " save the channel you want on its own, or merge three into one RGB image."
    )


def colour_pages(pages: Sequence[Pixels], series: tifffile.TiffPageSeries, order: Order) -> Pixels:
    """Merge the pages of a series, (H, W, 1) each, into pages of red, green and blue.

    Returns
    -------
    ndarray, shape (N, H, W, 3)
    """
    axes = [axis for axis in series.axes if axis not in "YX"]
    sizes = dict(zip(series.axes, series.shape, strict=True))
    frame = pages[0].shape[:2]
    whole = np.stack(pages).reshape((*(sizes[axis] for axis in axes), *frame))
    merged = np.moveaxis(whole, axes.index(AXIS), -1)[..., list(order)]
    return merged.reshape((-1, *frame, len(order)))


def _by_tables(tables: Sequence[Any]) -> Order | None:
    """Order channels by the colour that ImageJ shows each in; empty if one is of another."""
    if not tables:
        return None
    brightest = [np.asarray(table)[:, -1] for table in tables]
    if any(np.count_nonzero(colour) != 1 for colour in brightest):
        return ()
    shown = [int(np.argmax(colour)) for colour in brightest]
    return tuple(shown.index(wanted) for wanted in range(3)) if set(shown) == {0, 1, 2} else ()


def order_of_three(count: int, said: Order | None) -> Order | None:
    """Order of channels as it is said, or as they come where nothing is.

    None if they are no red, green and blue together.
    """
    if count != 3:
        return None
    order = (0, 1, 2) if said is None else said
    return order if sorted(order) == [0, 1, 2] else None


def order_by_names(names: Sequence[str]) -> Order | None:
    """Order channels called red, green and blue.

    Returns
    -------
    tuple of int or None
        Empty if one is called otherwise, None if none is called.
    """
    if not any(names):
        return None
    short = [name.strip().lower()[:1] for name in names]
    known = all(name.strip().lower() in (*_NAMES, "r", "g", "b") for name in names)
    initials = [name[0] for name in _NAMES]
    return (
        tuple(short.index(one) for one in initials) if known and set(short) == set(initials) else ()
    )


def _channel_names(file: tifffile.TiffFile) -> list[str]:
    """Names that an OME header gives to the channels of its first image."""
    text = file.ome_metadata if file.is_ome else None
    if not text or len(text) > _LONGEST or "<!DOCTYPE" in text or "<!ENTITY" in text:
        return []
    root = ET.fromstring(text)
    pixels = next((one for one in root.iter() if one.tag.endswith("}Pixels")), None)
    if pixels is None:
        return []
    return [one.get("Name", "") for one in pixels if one.tag.endswith("}Channel")]
