"""What an OME-Zarr says of itself, in JSON beside its arrays: NGFF 0.1 to 0.5."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.recorded_names import stays_within
from napari_localdisc.base.texts import parse_json, read_text
from napari_localdisc.formats.omezarr.array_header import ArrayHeader, read_array_header

GROUP, ATTRIBUTES, GROUP_3 = ".zgroup", ".zattrs", "zarr.json"
"""Files of a group: of Zarr version 2, and of version 3."""

_OLD_AXES = ("t", "c", "z", "y", "x")
"""Axes where none are named, before NGFF 0.3."""
_PREFIXES = {"nano": 1e-6, "micro": 1e-3, "milli": 1.0, "centi": 10.0, "": 1000.0}
MILLIMETRES = {
    "angstrom": 1e-7,
    **{f"{prefix}{meter}": mm for prefix, mm in _PREFIXES.items() for meter in ("meter", "metre")},
}
"""Millimetres of a unit of length."""


@dataclass(frozen=True)
class OmeImage:
    """One image of an OME-Zarr, at its finest resolution.

    Attributes
    ----------
    array : Path
        Folder of the array.
    header : ArrayHeader
    axes : tuple of str
        Name of each axis of the array: ``"t"``, ``"c"``, ``"z"``, ``"y"``, ``"x"``.
    sizes : dict of str to float
        Millimetres between pixels, for the axes whose scale and unit are known.
    channels : tuple of dict
        What is said of each channel, such as its label and colour.
    """

    array: Path
    header: ArrayHeader
    axes: tuple[str, ...]
    sizes: dict[str, float]
    channels: tuple[Mapping[str, Any], ...]


def is_group(folder: Path) -> bool:
    """Whether a folder is a Zarr group or array; one that cannot be entered is none."""
    try:
        return any((folder / name).is_file() for name in (GROUP, ATTRIBUTES, GROUP_3))
    except OSError:
        return False


def read_attributes(folder: Path) -> dict[str, Any]:
    """Read what NGFF says of a group; empty where it says nothing.

    Raises
    ------
    OSError, ValueError
        If a file cannot be read, or is no JSON.
    """
    if (folder / GROUP_3).is_file():
        attributes = parse_json(read_text(folder / GROUP_3)).get("attributes") or {}
        return dict(attributes.get("ome", attributes))
    if (folder / ATTRIBUTES).is_file():
        return dict(parse_json(read_text(folder / ATTRIBUTES)))
    return {}


def describe(path: Path) -> OmeImage:
    """Find the image of an OME-Zarr.

    Raises
    ------
    LocaldiscError
        If it holds none, or several, with the choice to make.
    """
    attributes = read_attributes(path)
    only = _only_part(path, attributes)
    if only is not None:
        path, attributes = only, read_attributes(only)
    multiscale = (attributes.get("multiscales") or [None])[0]
    if not multiscale:
        raise LocaldiscError(
            f"{path} is a Zarr that holds no OME-Zarr image (its attributes name no multiscales);"
            " give the folder of an image."
        )
    levels = [
        (read_array_header(_inside(path, str(one["path"]))), one) for one in multiscale["datasets"]
    ]
    header, finest = max(levels, key=lambda level: math.prod(level[0].shape))
    named = [one if isinstance(one, dict) else {"name": one} for one in multiscale.get("axes", ())]
    axes = tuple(str(one["name"]).lower() for one in named) or _OLD_AXES
    if len(axes) != len(header.shape):
        raise LocaldiscError(
            f"{path} names {len(axes)} axes and holds an array of {len(header.shape)}; export it"
            " again."
        )
    units = [one.get("unit") for one in named] or [None] * len(axes)
    sizes = _sizes(axes, units, _scale(len(axes), multiscale, finest))
    channels = (attributes.get("omero") or {}).get("channels") or ()
    return OmeImage(_inside(path, str(finest["path"])), header, axes, sizes, tuple(channels))


def _only_part(path: Path, attributes: Mapping[str, Any]) -> Path | None:
    """Find the one image of a group of several; None where the group is an image itself."""
    if "plate" in attributes:
        wells = [f"{one['path']}/0" for one in attributes["plate"]["wells"]]
        return _one_of(path, "a plate of {} wells", wells)
    if "well" in attributes:
        fields = [str(one["path"]) for one in attributes["well"]["images"]]
        return _one_of(path, "a well of {} fields of view", fields)
    if "multiscales" in attributes:
        return None
    if "labels" in attributes:
        return _one_of(path, "a group of {} label maps", list(map(str, attributes["labels"])))
    series = (folder.name for folder in path.iterdir() if folder.name.isdigit())
    images = sorted((name for name in series if is_group(path / name)), key=int)
    return _one_of(path, "a series of {} images", images) if images else None


def _one_of(path: Path, what: str, parts: list[str]) -> Path:
    if len(parts) == 1:
        return _inside(path, parts[0])
    such = f"; name the one you want, such as {path / parts[0]}" if parts else "; it is empty"
    raise LocaldiscError(f"{path} is {what.format(len(parts))}{such}.")


def _inside(path: Path, name: str) -> Path:
    if not stays_within(name):
        raise LocaldiscError(f"{path} names a part outside of itself ({name}); export it again.")
    return path / name


def _scale(count: int, *described: Mapping[str, Any]) -> list[float]:
    """Multiply the scales of an image and of one of its resolutions."""
    product = [1.0] * count
    for one in described:
        for step in one.get("coordinateTransformations") or ():
            if step.get("type") == "scale" and len(step.get("scale") or ()) == count:
                product = [a * float(b) for a, b in zip(product, step["scale"], strict=True)]
    return product


def _sizes(
    axes: Iterable[str], units: Iterable[str | None], scale: Iterable[float]
) -> dict[str, float]:
    known = {
        axis: size * MILLIMETRES[unit]
        for axis, unit, size in zip(axes, units, scale, strict=True)
        if unit in MILLIMETRES
    }
    return {axis: size for axis, size in known.items() if math.isfinite(size) and size > 0}
