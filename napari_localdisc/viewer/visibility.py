"""What lies in view: one image, and what belongs to it. It is decided here alone. No Qt.

Images that were opened one by one lie on one another, and so do their masks, cluster maps and
drawings. A mask over another patient's image is the worst that a viewer can show.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from weakref import WeakSet

import numpy as np
from napari.layers import Image, Layer

from napari_localdisc.viewer.drawing import is_drawing
from napari_localdisc.viewer.layers import Plane, recipe_of
from napari_localdisc.viewer.ownership import noted_image

if TYPE_CHECKING:
    from napari.components import ViewerModel

_Layer = TypeVar("_Layer", bound=Layer)

_PUT_AWAY: WeakSet[Layer] = WeakSet()
"""Layers that were hidden together with their image, and come back with it."""


def image_of(layer: Layer, viewer: ViewerModel) -> Image | None:
    """Return the image that a layer belongs to, if it is known and open.

    Layers of a session that was loaded know their image by its name.
    """
    noted = noted_image(layer)
    if noted is not None:
        return noted if noted in viewer.layers else None
    name = (recipe_of(layer) or {}).get("image")
    named = (each for each in viewer.layers if is_image(each) and each.name == name)
    return next(named, None)


def is_image(layer: Layer) -> bool:
    """Whether a layer is an image of the user's, no picture that this program made."""
    return isinstance(layer, Image) and recipe_of(layer) is None


def image_in_view(viewer: ViewerModel) -> Image | None:
    """Return the uppermost image that is visible."""
    return next((each for each in reversed(viewer.layers) if is_image(each) and each.visible), None)


def add_layer(viewer: ViewerModel, layer: _Layer) -> _Layer:
    """Add a layer of an image; unless its image is in view, it is hidden until that is.

    Another layer stays selected if it is of another image.
    """
    active = viewer.layers.selection.active
    in_view = _in_grid(viewer) or noted_image(layer) is image_in_view(viewer)
    if layer.visible and not in_view:
        layer.visible = False
        _PUT_AWAY.add(layer)
    viewer.add_layer(layer)
    if active is not None and not in_view:
        viewer.layers.selection.active = active
    return layer


def leave_as(layer: Layer, viewer: ViewerModel, *, visible: bool) -> None:
    """Show or hide a layer as it was once; hidden with its image, it comes back with it."""
    layer.visible = visible
    image = image_of(layer, viewer)
    if not visible and image is not None and not image.visible:
        _PUT_AWAY.add(layer)


def hide(*layers: Layer) -> None:
    """Hide layers; they do not come back with their image."""
    for layer in layers:
        layer.visible = False
        _PUT_AWAY.discard(layer)


def show_image(viewer: ViewerModel, image: Image, *wanted: Layer, alone: bool = False) -> None:
    """Bring an image into view, and hide every other image with all that belongs to it.

    What was hidden together with the image comes back with it. In napari's grid nothing is hidden.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    image : napari.layers.Image
    *wanted : napari.layers.Layer
        Layers of the image that are shown in any case.
    alone : bool
        Whether other layers of the image are hidden.
    """
    for layer in viewer.layers:
        if layer is image or layer in wanted:
            _show(layer)
        elif _in_grid(viewer):
            continue
        elif is_image(layer):
            layer.visible = False
        elif noted_image(layer) is not None or recipe_of(layer) is not None or is_drawing(layer):
            if image_of(layer, viewer) is image:
                _beside(layer, alone)
            elif layer.visible:
                layer.visible = False
                _PUT_AWAY.add(layer)
    viewer.title = image.name
    _look_at(viewer, image)


def show_plane(viewer: ViewerModel, plane: Plane, *wanted: Layer) -> None:
    """Bring a plane into view, as `show_image` does, with the sliders on it."""
    show_image(viewer, plane.layer, *wanted)
    centre = plane.layer.data_to_world((*plane.index, *(side / 2 for side in plane.shape)))
    for axis, at in enumerate(centre[:-2], start=viewer.dims.ndim - plane.layer.ndim):
        viewer.dims.set_point(axis, at)


def _beside(layer: Layer, alone: bool) -> None:
    """Hide another layer of the image that is shown, or let it come back."""
    if alone:
        hide(layer)
    elif layer in _PUT_AWAY:
        _show(layer)


def _show(layer: Layer) -> None:
    if not layer.visible:  # to set it anew takes the tool out of the hand
        layer.visible = True
    _PUT_AWAY.discard(layer)


def _in_grid(viewer: ViewerModel) -> bool:
    """Whether napari lays layers out side by side, so that none lies on another."""
    grid = getattr(viewer, "canvas", viewer).grid  # where napari keeps it since 0.9
    return bool(grid.enabled)


def _look_at(viewer: ViewerModel, image: Image) -> None:
    """Move the camera to an image whose extent its centre does not lie in."""
    low, high = image.extent.world[:, -2:]
    camera = getattr(viewer, "scene", viewer).camera  # where napari keeps it since 0.9
    centre = np.asarray(camera.center[-2:])
    if not ((low <= centre) & (centre <= high)).all():
        camera.center = (*camera.center[:-2], *(low + high) / 2)
