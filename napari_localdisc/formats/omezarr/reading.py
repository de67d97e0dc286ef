"""OME-Zarr images: folders of chunks with several resolutions, of which the finest is read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.extras import needed
from napari_localdisc.base.limits import check_pixels
from napari_localdisc.formats.decoding import decoding
from napari_localdisc.formats.format import Format, Pixels
from napari_localdisc.formats.omezarr.chunks import EXTRA, read_chunks
from napari_localdisc.formats.omezarr.metadata import OmeImage, describe, is_group
from napari_localdisc.formats.tiff import StackGeometry
from napari_localdisc.formats.tiff_channels import Order, order_by_names, order_of_three

_SPATIAL = ("z", "y", "x")


@dataclass(frozen=True)
class OmeZarrGeometry(StackGeometry):
    """How large the pixels of an OME-Zarr are, as far as it says; masks are TIFF files.

    Attributes
    ----------
    spacing : tuple of float or None
        Millimetres between planes, rows and columns; of a single plane between the latter.
    notes : tuple of str
    """

    spacing: tuple[float, ...] | None = None  # type: ignore[assignment]
    notes: tuple[str, ...] = ()  # type: ignore[assignment]


class OmeZarr(Format):
    """A folder that holds one image as OME-Zarr (NGFF), of Zarr version 2 or 3."""

    suffixes = (".ome.zarr", ".zarr")

    def recognises(self, path: Path, head: bytes, /) -> bool:
        """Whether it is a folder with the files of a Zarr group."""
        return not head and self.fills(path)

    def fills(self, folder: Path, /) -> bool:
        """Whether a folder is a Zarr group, whatever its name."""
        return folder.is_dir() and is_group(folder)

    def read(self, path: Path, /) -> tuple[Pixels, OmeZarrGeometry]:
        """Read an image or a stack; see `read_omezarr`."""
        return read_omezarr(path)

    def mask_suffix(self, _: Path, /) -> str:
        """Tell the ending of a mask."""
        return OmeZarrGeometry.suffix


def read_omezarr(path: Path) -> tuple[Pixels, OmeZarrGeometry]:
    """Read the finest resolution of an OME-Zarr image.

    Returns
    -------
    pixels : ndarray, shape (H, W), (H, W, 3), or (N, H, W, C) of several planes, C in {1, 3}
    geometry : OmeZarrGeometry

    Raises
    ------
    LocaldiscError
        If zarr is missing, it is damaged or too large, or holds several images, points in time, or
        channels that make no colour image together.
    """
    needed("zarr", EXTRA, path)
    if not path.is_dir():
        raise LocaldiscError(f"{path} is no folder, as an OME-Zarr is; copy or export it again.")
    with decoding(path):
        image = describe(path)
        order = _order(path, image)
        _check(path, image)
        selection = tuple(slice(None) if axis in (*_SPATIAL, "c") else 0 for axis in image.axes)
        found = read_chunks(image.array, image.header, selection)
    pixels = _planes(found.pixels, [axis for axis in image.axes if axis in (*_SPATIAL, "c")])
    pixels = pixels[..., list(order)] if order else pixels
    if pixels.dtype == np.float16:
        pixels = pixels.astype(np.float32)
    notes = (_note(found.missing),) if found.missing else ()
    geometry = OmeZarrGeometry(spacing=_spacing(image, len(pixels)), notes=notes)
    if len(pixels) > 1:
        return pixels, geometry
    return (pixels[0] if order else pixels[0, ..., 0]), geometry


def _sizes(image: OmeImage) -> dict[str, int]:
    return dict(zip(image.axes, image.header.shape, strict=True))


def _check(path: Path, image: OmeImage) -> None:
    """Refuse what is no image or stack of planes, by its axes."""
    sizes = _sizes(image)
    told = f"(axes {''.join(image.axes)}, {' x '.join(map(str, image.header.shape))})"
    if not {"y", "x"} <= set(sizes) or len(sizes) != len(image.axes):
        raise LocaldiscError(f"{path} names no axes y and x {told}; export it again.")
    for axis, size in sizes.items():
        if axis not in (*_SPATIAL, "c") and size > 1:
            what = "points in time" if axis == "t" else f"places along axis {axis}"
            raise LocaldiscError(
                f"{path} holds {size} {what} {told}; save the one you want on its own."
            )
    check_pixels(path, sizes["x"], sizes["y"], sizes.get("z", 1))


def _order(path: Path, image: OmeImage) -> Order:
    """Find the channels that are red, green and blue; none of a grey image."""
    count = _sizes(image).get("c", 1)
    if count == 1:
        return ()
    labels = [str(one.get("label") or "") for one in image.channels]
    order = order_of_three(count, _by_colours(image) or order_by_names(labels))
    if order is not None:
        return order
    named = f" ({', '.join(labels)})" if any(labels) else ""
    raise LocaldiscError(
        f"{path} holds {count} channels{named} that make no colour image together; save the channel"
        " you want on its own."
    )


def _by_colours(image: OmeImage) -> Order | None:
    """Order channels by the colour that each is shown in; empty if one is of another."""
    shown = [str(one.get("color") or "").upper().lstrip("#") for one in image.channels]
    wanted = ["FF0000", "00FF00", "0000FF"]
    if len(shown) != len(wanted) or not all(shown) or len(set(shown)) == 1:
        return None
    return tuple(map(shown.index, wanted)) if set(shown) == set(wanted) else ()


def _planes(pixels: Pixels, axes: list[str]) -> Pixels:
    """Bring the axes of an array to (plane, row, column, channel)."""
    order = [axis for axis in (*_SPATIAL, "c") if axis in axes]
    turned = pixels.transpose([axes.index(axis) for axis in order])
    if "z" not in axes:
        turned = turned[None]
    return np.ascontiguousarray(turned if "c" in axes else turned[..., None])


def _spacing(image: OmeImage, planes: int) -> tuple[float, ...] | None:
    axes = _SPATIAL if planes > 1 else _SPATIAL[1:]
    known = all(axis in image.sizes for axis in axes)
    return tuple(image.sizes[axis] for axis in axes) if known else None


def _note(missing: int) -> str:
    are = "1 chunk is" if missing == 1 else f"{missing} chunks are"
    return f"{are} not stored and read as empty"
