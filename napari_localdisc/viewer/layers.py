"""napari layers in, core arrays out, and results back at exactly the same place. No Qt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pint
from napari.layers import Image, Labels
from napari.utils import DirectLabelColormap
from napari.utils.transforms import CompositeAffine

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.reports.contact_sheet import COLOURS
from napari_localdisc.viewer.ownership import of_image

if TYPE_CHECKING:
    from napari.components import Dims
    from napari.layers import Layer

METADATA_KEY = "napari_localdisc"
"""Where a result layer keeps its recipe, in ``layer.metadata``."""

SEGMENTATION, PREVIEW, UNFINISHED = "segmentation", "preview", "unfinished segmentation"
"""Kinds of result layers, in their recipes."""


@dataclass(frozen=True)
class Plane:
    """One 2-D plane of an Image layer.

    Attributes
    ----------
    layer : napari.layers.Image
        The layer it was taken from.
    index : tuple of int
        Its place along the leading axes; empty for a 2-D image.
    source : array-like, shape (H, W) or (H, W, 3 or 4)
        The pixels, possibly lazy; `pixels` reads them.
    """

    layer: Image
    index: tuple[int, ...]
    source: Any

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.source.shape[:2]
        return int(height), int(width)

    @property
    def name(self) -> str:
        """The layer's name, with the place along its leading axes."""
        name = str(self.layer.name)
        return f"{name} [{', '.join(map(str, self.index))}]" if self.index else name

    def pixels(self) -> npt.NDArray[np.generic]:
        """Read the plane into memory; slow for a lazy layer."""
        return np.asarray(self.source)


def current_plane(layer: Image, dims: Dims) -> Plane:
    """Return the plane of an image that the viewer shows.

    Parameters
    ----------
    layer : napari.layers.Image
        Any image: RGB, multiscale (its finest level is taken) or of more dimensions than two.
    dims : napari.components.Dims
        The viewer's dims, which say where the sliders stand.

    Raises
    ------
    LocaldiscError
        If the image is empty, is shown in 3-D or with its axes rolled, or has no
        plane where the sliders stand.
    """
    data = finest(layer)
    if layer.ndim == 2:
        return Plane(layer, (), data)
    last_two = {dims.ndim - 2, dims.ndim - 1}
    if dims.ndisplay == 3 or set(dims.displayed) != last_two:
        raise LocaldiscError(
            f"image {layer.name!r} is shown in 3-D or with its axes rolled, so no single plane is"
            " in view; switch back to the 2-D view of its last two axes."
        )
    index = _index_at(layer, dims)
    if any(not 0 <= at < size for at, size in zip(index, data.shape, strict=False)):
        raise LocaldiscError(
            f"image {layer.name!r} has no plane where the sliders stand;"
            " move them to a plane of that image."
        )
    return Plane(layer, index, data[index])


def all_planes(layer: Image) -> list[Plane]:
    """Return every plane of an image along its leading axes.

    Raises
    ------
    LocaldiscError
        If the image is empty.
    """
    data = finest(layer)
    leading = data.shape[: layer.ndim - 2]
    return [Plane(layer, index, data[index] if index else data) for index in np.ndindex(*leading)]


def in_view(plane: Plane, dims: Dims) -> bool:
    """Whether the sliders stand at a plane."""
    return plane.index == _index_at(plane.layer, dims)


def plane_number(layer: Image, dims: Dims) -> int | None:
    """Return the number of the plane in view, in C order; None where the image has none there."""
    shape, index = finest(layer).shape[: layer.ndim - 2], _index_at(layer, dims)
    if any(not 0 <= at < size for at, size in zip(index, shape, strict=True)):
        return None
    return int(np.ravel_multi_index(index, shape)) if index else 0


def placement(planes: Sequence[Plane]) -> dict[str, Any]:
    """Return the layer arguments that put a result on the planes it came from.

    A result of one plane is one thick along the leading axes and shifted onto its plane; a result
    of several planes spans the whole image. The transforms are those of the image at this moment.

    Parameters
    ----------
    planes : sequence of Plane
        Planes of one image.
    """
    image = planes[0].layer
    offset = np.zeros(image.ndim)
    if len(planes) == 1:
        offset[: image.ndim - 2] = planes[0].index
    linear = CompositeAffine(
        scale=image.scale, rotate=image.rotate, shear=image.shear, ndim=image.ndim
    ).linear_matrix
    return {
        "scale": image.scale,
        "translate": image.translate + linear @ offset,
        "rotate": image.rotate,
        "shear": image.shear,
        "affine": image.affine.affine_matrix,
        "units": image.units,
        "axis_labels": image.axis_labels,
    }


def labels_layer(
    planes: Sequence[Plane],
    labels: Sequence[npt.NDArray[np.integer[Any]]],
    name: str,
    recipe: Mapping[str, object],
) -> Labels:
    """Build the Labels layer of a result, sitting exactly on its image.

    Parameters
    ----------
    planes : sequence of Plane
        Planes of one image.
    labels : sequence of ndarray of int, shape (H, W)
        The label map of each plane.
    name : str
        Name of the layer.
    recipe : mapping
        How the labels were made; kept in the layer's metadata.
    """
    data = spread(planes, [np.asarray(plane) for plane in labels])
    layer = Labels(data, name=name, metadata={METADATA_KEY: dict(recipe)}, **placement(planes))
    return of_image(layer, planes[0].layer)


def picture_layer(
    planes: Sequence[Plane],
    pictures: Sequence[npt.NDArray[np.uint8]],
    name: str,
    recipe: Mapping[str, object],
) -> Image:
    """Build the RGB layer of (H, W, 3) pictures, sitting exactly on their image."""
    layer = Image(
        spread(planes, pictures),
        rgb=True,
        name=name,
        metadata={METADATA_KEY: dict(recipe)},
        **placement(planes),
    )
    return of_image(layer, planes[0].layer)


def target_colours(skip: int = 0) -> DirectLabelColormap:
    """Return the colours of targets 1, 2, ..., the same as in every picture of the program.

    Parameters
    ----------
    skip : int
        Colours to leave to other layers on the same image.
    """
    count = len(COLOURS)
    colours: dict[int | None, Any] = {
        label: (*(channel / 255 for channel in COLOURS[(label - 1 + skip) % count]), 1.0)
        for label in range(1, count + 1)
    }
    return DirectLabelColormap(color_dict={None: "white", 0: "transparent", **colours})


def recipe_of(layer: Layer) -> dict[str, Any] | None:
    """Return the recipe that made a layer, if this program made it."""
    recipe = layer.metadata.get(METADATA_KEY)
    return dict(recipe) if recipe is not None else None


def pixel_at(
    layer: Image, position: Sequence[float], units: Sequence[pint.Unit] | None
) -> tuple[int, ...] | None:
    """Return the pixel of an image that lies at a world position, or None if none does.

    Parameters
    ----------
    layer : napari.layers.Image
    position : sequence of float
        One for each axis of the viewer, as of its cursor.
    units : sequence of pint.Unit, optional
        What the position is in.
    """
    point = np.asarray(position, dtype=float)
    if len(point) < layer.ndim:
        return None
    found = layer.world_to_data(point[-layer.ndim :] * unit_factors(units, layer.units))
    pixel = tuple(int(at) for at in np.rint(found))
    inside = zip(pixel, finest(layer).shape, strict=False)
    return pixel if all(0 <= at < size for at, size in inside) else None


def unit_factors(
    source: Sequence[pint.Unit] | None, target: Sequence[pint.Unit]
) -> npt.NDArray[np.float64]:
    """Return what world coordinates in `source` units are multiplied by to be in `target` units.

    Axes are aligned at their ends, as napari does; axes whose units measure different things
    (pixels beside millimetres) keep their numbers.
    """
    factors = np.ones(len(target))
    for axis, (have, want) in enumerate(zip((source or ())[::-1], target[::-1], strict=False)):
        if have != want and have.dimensionality == want.dimensionality:
            factors[-1 - axis] = (1 * have).to(want).magnitude
    return factors


def finest(layer: Image) -> Any:
    """Return the data of an image, of several levels the finest.

    Raises
    ------
    LocaldiscError
        If it is empty.
    """
    data = layer.data[0] if layer.multiscale else layer.data
    if 0 in data.shape:
        raise LocaldiscError(f"image {layer.name!r} is empty; choose an image with pixels.")
    return data


def _index_at(layer: Image, dims: Dims) -> tuple[int, ...]:
    point = np.asarray(dims.point[-layer.ndim :])
    position = layer.world_to_data(point * unit_factors(dims.units, layer.units))
    return tuple(int(at) for at in np.rint(position[: layer.ndim - 2]))


def spread(planes: Sequence[Plane], arrays: Sequence[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Lay arrays of single planes of an image out as `placement` places them."""
    image = planes[0].layer
    if len(planes) == 1:
        return np.expand_dims(arrays[0], tuple(range(image.ndim - 2)))
    leading = finest(image).shape[: image.ndim - 2]
    whole = np.zeros(leading + arrays[0].shape, dtype=arrays[0].dtype)
    for plane, array in zip(planes, arrays, strict=True):
        whole[plane.index] = array
    return whole
