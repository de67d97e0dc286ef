"""Masks that a person drew in napari (Shapes, Labels), on the pixel grid of an image. No Qt."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels, Shapes
from scipy import ndimage
from skimage.draw import line_nd, polygon2mask

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.reports.contact_sheet import COLOURS
from napari_localdisc.viewer.layers import recipe_of, unit_factors
from napari_localdisc.viewer.ownership import of_image

if TYPE_CHECKING:
    from napari.layers import Image, Layer

Mask = npt.NDArray[np.bool_]
Index = tuple[int, ...]
Stack = npt.NDArray[np.bool_]
Stacks = tuple[list[Stack], tuple[str, ...]]

_OPEN_SHAPES = ("line", "path")

TARGET = "target"
"""Feature of a drawn shape that names its target."""

DRAWING = "drawing"
"""Kind of a Labels layer to draw on, in its recipe."""


def shapes_layer(image: Image, name: str, targets: Sequence[str] = ()) -> Shapes:
    """Build an empty Shapes layer to draw on an image, in that image's own coordinates.

    Parameters
    ----------
    image : napari.layers.Image
    name : str
        Of the layer.
    targets : sequence of str
        What can be drawn; new shapes are of the first, until `draw_next` says otherwise. Several
        are told apart by their colours and are written beside the shapes.
    """
    layer = Shapes(
        ndim=image.ndim,
        name=name,
        edge_width=1,
        edge_color=_colour(0),
        face_color=_colour(0, opacity=0.25),
        scale=image.scale,
        translate=image.translate,
        rotate=image.rotate,
        shear=image.shear,
        affine=image.affine.affine_matrix,
        units=image.units,
        features={TARGET: np.array([], dtype=object)},
    )
    if len(targets) > 1:
        layer.text = {"string": f"{{{TARGET}}}", "color": "white", "anchor": "upper_left"}
    if targets:
        draw_next(layer, targets, targets[0])
    return of_image(layer, image)


def is_drawing(layer: Layer) -> bool:
    """Whether a layer was begun here, or on the page of *Priors*, to be drawn on."""
    recipe = recipe_of(layer) or {}
    return recipe.get("kind") == DRAWING or (isinstance(layer, Shapes) and TARGET in layer.features)


def draw_next(layer: Shapes, targets: Sequence[str], target: str) -> None:
    """Let the next shapes of a layer be of a target, in its colour."""
    number = list(targets).index(target)
    layer.selected_data = set()  # else what is selected would become of that target, too
    layer.feature_defaults = {TARGET: target}
    layer.current_edge_color = _colour(number)
    layer.current_face_color = _colour(number, opacity=0.25)


def reference_masks(
    layer: Shapes | Labels,
    image: Image,
    *,
    shape_by_shape: bool = False,
    label_by_label: bool = False,
    names: Sequence[str] = (),
) -> Stacks:
    """Turn drawings into the reference masks of a prior.

    Parameters
    ----------
    layer : napari.layers.Shapes or napari.layers.Labels
        What was drawn; its place relative to the image is respected.
    image : napari.layers.Image
        The image it was drawn on; it gives the pixel grid.
    shape_by_shape : bool
        Whether every shape of a Shapes layer is a mask of its own; else the shapes of a plane
        together are one mask. Shapes of several targets always belong together.
    label_by_label : bool
        Whether every label of a Labels layer is a target of its own; else all labels are one.
    names : sequence of str
        What labels 1, 2, ... are, as far as they have names.

    Returns
    -------
    masks : list of ndarray of bool, shape (K, H, W)
        One for each plane (or shape) with something drawn. Where targets overlap, the smaller one
        lies on top: a disc with a cup in it becomes a rim and a cup.
    targets : tuple of str
        Names of the K targets, in the order in which they were drawn.

    Raises
    ------
    LocaldiscError
        If nothing is drawn inside the image.
    """
    if isinstance(layer, Shapes):
        stacks, targets = _shape_stacks(layer, image, shape_by_shape)
    else:
        stacks, targets = _label_stacks(layer, image, label_by_label, names)
    found = [stack for stack in stacks if stack.any()]
    if not found:
        raise LocaldiscError(
            f"layer {layer.name!r} has nothing drawn on image {image.name!r};"
            " draw the structure there first or choose the image it was drawn on."
        )
    return found, targets


def shape_masks(shapes: Shapes, image: Image) -> list[tuple[Index, Mask]]:
    """Rasterise every shape on the image's pixel grid, through world coordinates.

    Paths and lines are as wide as their edge. A pixel belongs to a shape that holds its centre.

    Returns
    -------
    list of (index, mask)
        The plane of the image that each shape lies on, and its (H, W) mask.
    """
    matrix, offset = data_to_data(shapes, image)
    size = image.data.shape[image.ndim - 2 : image.ndim]
    scale = float(np.sqrt(abs(np.linalg.det(matrix[-2:, -2:]))))
    masks = []
    for corners, kind, width in zip(shapes.data, shapes.shape_type, shapes.edge_width, strict=True):
        points = corners @ matrix.T + offset
        index = tuple(int(at) for at in np.rint(points[0, :-2]))
        outline = _ellipse(points[:, -2:]) if kind == "ellipse" else points[:, -2:]
        if kind in _OPEN_SHAPES:
            mask = _stroke(size, outline, max(float(width) * scale, 1.0))
        else:
            mask = polygon2mask(size, outline)
        masks.append((index, np.asarray(mask, dtype=bool)))
    return masks


def label_maps(labels: Labels, image: Image) -> dict[Index, npt.NDArray[Any]]:
    """Sample a Labels layer on the image's pixel grid, nearest neighbour, plane by plane.

    Returns
    -------
    dict of index to ndarray, shape (H, W)
        Planes of the Labels layer that hold at least one label.
    """
    data = np.asarray(labels.data[0] if labels.multiscale else labels.data)
    size = image.data.shape[image.ndim - 2 : image.ndim]
    matrix, offset = data_to_data(image, labels)
    maps = {
        index: ndimage.affine_transform(
            data[index], matrix[-2:, -2:], offset[-2:], tuple(size), order=0, mode="constant"
        )
        for index in np.ndindex(*data.shape[:-2])
        if data[index].any()
    }
    return maps or {(): np.zeros(size, dtype=data.dtype)}


def data_to_data(
    source: Layer, target: Layer
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the affine map from data coordinates of one layer to those of another.

    Axes are aligned at their ends and units converted, as napari does when it shows both.

    Returns
    -------
    matrix : ndarray of float, shape (target.ndim, source.ndim)
    offset : ndarray of float, shape (target.ndim,)
    """
    shared = min(source.ndim, target.ndim)
    factors = unit_factors(source.units, target.units)[-shared:]

    def mapped(point: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        world = np.asarray(source.data_to_world(point))[-shared:] * factors
        return np.asarray(target.world_to_data(world))

    offset = mapped(np.zeros(source.ndim))
    columns = [mapped(unit) - offset for unit in np.eye(source.ndim)]
    return np.stack(columns, axis=1), offset


def _shape_stacks(shapes: Shapes, image: Image, shape_by_shape: bool) -> Stacks:
    drawn = shape_masks(shapes, image)
    names = [str(name) for name in shapes.features.get(TARGET, [""] * len(drawn))]
    targets = tuple(dict.fromkeys(names))
    if len(targets) > 1:
        planes = dict.fromkeys(index for index, _ in drawn)
        return [_stacked(drawn, names, targets, plane) for plane in planes], targets
    masks = [mask for _, mask in drawn] if shape_by_shape else list(_union(drawn).values())
    return [mask[None] for mask in masks], ("target",)


def _stacked(
    drawn: list[tuple[Index, Mask]], names: list[str], targets: tuple[str, ...], plane: Index
) -> Stack:
    """Masks (K, H, W) of what is drawn on a plane, the smaller ones on top."""
    stack = np.zeros((len(targets), *drawn[0][1].shape), dtype=bool)
    for (index, mask), name in zip(drawn, names, strict=True):
        if index == plane:
            stack[targets.index(name)] |= mask
    below = np.zeros(stack.shape[1:], dtype=bool)
    for target in np.argsort(stack.sum(axis=(1, 2)), kind="stable"):
        stack[target] &= ~below
        below |= stack[target]
    return stack


def _colour(number: int, opacity: float = 1.0) -> str:
    red, green, blue = COLOURS[number % len(COLOURS)]
    return f"#{red:02x}{green:02x}{blue:02x}{round(255 * opacity):02x}"


def _label_stacks(
    labels: Labels, image: Image, label_by_label: bool, names: Sequence[str]
) -> Stacks:
    maps = list(label_maps(labels, image).values())
    values = np.unique(np.concatenate([np.unique(plane) for plane in maps]))
    values = values[values > 0]
    if not label_by_label or len(values) < 2:
        return [(plane > 0)[None] for plane in maps], ("target",)
    stacks = [np.stack([plane == value for value in values]) for plane in maps]
    named = dict(enumerate(names, start=1))
    return stacks, tuple(named.get(int(value), f"label {value}") for value in values)


def _union(drawn: list[tuple[Index, Mask]]) -> dict[Index, Mask]:
    planes: dict[Index, Mask] = {}
    for index, mask in drawn:
        planes[index] = planes[index] | mask if index in planes else mask
    return planes


def _ellipse(corners: npt.NDArray[np.float64], steps: int = 180) -> npt.NDArray[np.float64]:
    # Inscribed in a parallelogram, so that it is right after a shear as well.
    centre = corners.mean(axis=0)
    first, second = (corners[1] - corners[0]) / 2, (corners[2] - corners[1]) / 2
    angle = np.linspace(0, 2 * np.pi, steps, endpoint=False)[:, None]
    return np.asarray(centre + np.cos(angle) * first + np.sin(angle) * second)


def _stroke(size: tuple[int, ...], points: npt.NDArray[np.float64], width: float) -> Mask:
    canvas = np.zeros(size, dtype=bool)
    for start, stop in pairwise(points):
        along = np.stack(line_nd(start, stop, endpoint=True))
        inside = ((along >= 0) & (along < np.array(size)[:, None])).all(axis=0)
        canvas[tuple(along[:, inside])] = True
    if not canvas.any():
        return canvas
    return np.asarray(ndimage.distance_transform_edt(~canvas) <= (width - 1) / 2, dtype=bool)
