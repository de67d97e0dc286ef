from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel

from napari_localdisc.viewer.drawing import shapes_layer
from napari_localdisc.viewer.layers import METADATA_KEY, all_planes, labels_layer
from napari_localdisc.viewer.visibility import (
    add_layer,
    hide,
    image_in_view,
    image_of,
    show_image,
    show_plane,
)

PIXELS = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64)


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def images(viewer):
    """Of two patients, one on the other."""
    return [viewer.add_image(PIXELS, name=name) for name in ("first", "second")]


def mask_of(image, name="mask"):
    planes = all_planes(image)
    return labels_layer(planes, [np.ones(plane.shape, np.uint8) for plane in planes], name, {})


def in_view(viewer):
    return {layer.name for layer in viewer.layers if layer.visible}


def test_one_image_is_in_view_with_what_belongs_to_it(viewer, images):
    for image in images:
        show_image(viewer, image)
        add_layer(viewer, mask_of(image, f"{image.name} mask"))
        viewer.add_layer(shapes_layer(image, f"{image.name} drawing"))
    assert in_view(viewer) == {"second", "second mask", "second drawing"}
    show_image(viewer, images[0])
    assert in_view(viewer) == {"first", "first mask", "first drawing"}
    assert viewer.title == "first"
    show_image(viewer, images[1])
    assert in_view(viewer) == {"second", "second mask", "second drawing"}


def test_a_mask_whose_image_is_out_of_view_waits_for_it(viewer, images):
    show_image(viewer, images[1])
    viewer.layers.selection.active = images[1]
    mask = add_layer(viewer, mask_of(images[0]))
    assert not mask.visible
    assert viewer.layers.selection.active is images[1]
    show_image(viewer, images[0])
    assert mask.visible


def test_what_the_user_or_a_run_hid_stays_hidden(viewer, images):
    by_user, by_run = (viewer.add_layer(mask_of(images[0], name)) for name in ("a", "b"))
    by_user.visible = False
    hide(by_run)
    show_image(viewer, images[1])
    show_image(viewer, images[0])
    assert in_view(viewer) == {"first"}
    show_image(viewer, images[0], by_run)
    assert in_view(viewer) == {"first", "b"}


def test_alone_hides_other_layers_of_the_image_for_good(viewer, images):
    earlier, preview = (viewer.add_layer(mask_of(images[0], name)) for name in ("old", "new"))
    show_image(viewer, images[0], preview, alone=True)
    assert in_view(viewer) == {"first", "new"}
    show_image(viewer, images[1])
    show_image(viewer, images[0])
    assert not earlier.visible


def test_layers_of_others_are_left_alone(viewer, images):
    viewer.add_labels(np.ones(PIXELS.shape, np.uint8), name="somebody's")
    show_image(viewer, images[0])
    assert in_view(viewer) == {"first", "somebody's"}


def test_layers_of_a_loaded_session_know_their_image_by_name(viewer, images):
    mask = viewer.add_labels(
        np.ones(PIXELS.shape, np.uint8), metadata={METADATA_KEY: {"image": "second"}}
    )
    assert image_of(mask, viewer) is images[1]
    show_image(viewer, images[0])
    assert not mask.visible
    show_image(viewer, images[1])
    assert mask.visible


def test_a_renamed_image_keeps_its_mask(viewer, images):
    mask = viewer.add_layer(mask_of(images[0]))
    images[0].name, images[1].name = "other", "first"
    show_image(viewer, images[1])
    assert not mask.visible


def test_a_layer_of_a_removed_image_is_of_none(viewer, images):
    mask = viewer.add_layer(mask_of(images[0]))
    viewer.layers.remove(images[0])
    assert image_of(mask, viewer) is None
    show_image(viewer, images[1])
    assert in_view(viewer) == {"second"}


def test_sliders_go_to_the_plane(viewer):
    stack = viewer.add_image(np.stack([PIXELS] * 3), scale=(2, 1, 1))
    viewer.add_image(PIXELS, name="above")
    show_plane(viewer, all_planes(stack)[2])
    assert viewer.dims.point[0] == 4
    assert image_in_view(viewer) is stack


def test_the_camera_goes_to_an_image_that_lies_elsewhere(viewer, images):
    images[1].translate = (0, 1000)
    camera = getattr(viewer, "scene", viewer).camera
    camera.center = (0, 20, 30)
    show_image(viewer, images[0])
    assert camera.center[-2:] == (20, 30)
    show_image(viewer, images[1])
    assert camera.center[-1] == pytest.approx(1032, abs=1)


def test_in_the_grid_all_stay_in_view(viewer, images):
    viewer.canvas.grid.enabled = True
    for image in images:
        add_layer(viewer, mask_of(image, f"{image.name} mask"))
    show_image(viewer, images[0])
    assert in_view(viewer) == {"first", "second", "first mask", "second mask"}
