from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Image, Labels
from qtpy.QtCore import Qt

from napari_localdisc.viewer.layers import recipe_of
from napari_localdisc.widgets.panels.clusters import ClustersPanel


@pytest.fixture
def image(viewer, xrays):
    return viewer.add_image(
        xrays, name="chest", scale=(2, 0.5, 0.5), translate=(0, 3, 4), rotate=(0, 0, 20)
    )


@pytest.fixture
def panel(open_panel, viewer, session):
    return open_panel(ClustersPanel, viewer)


def test_the_results_sit_on_the_plane_in_view(panel, click, finish, viewer, session, image):
    viewer.dims.set_point(0, 2)
    click(panel.run_row.button)
    finish(panel)
    _, picture, labels = viewer.layers
    assert isinstance(picture, Image)
    assert isinstance(labels, Labels)
    assert picture.rgb
    assert labels.name == "chest [1] clusters"
    assert set(np.unique(labels.data)) <= {1, 2, 3}
    for result in (picture, labels):
        for corner in ((0, 0), (63, 63)):
            assert np.allclose(
                result.data_to_world((0, *corner)), image.data_to_world((1, *corner))
            )
        assert recipe_of(result)["encoder"].endswith("tiny.safetensors")
    assert session.encoder.card.name == "tiny"


def test_a_table_comes_with_the_labels(panel, click, finish, viewer, image):
    click(panel.run_row.button)
    finish(panel)
    labels = viewer.layers[-1]
    assert list(labels.features["index"]) == list(np.unique(labels.data))
    assert labels.features["area"].sum() == pytest.approx(1)


def test_only_what_is_ticked_is_shown(panel, click, finish, viewer, image):
    panel.picture_box.value = False
    click(panel.run_row.button)
    finish(panel)
    assert [type(layer) for layer in viewer.layers] == [Image, Labels]


def test_any_number_of_clusters(panel, click, finish, viewer, image, qtbot):
    assert panel.count.text() == "The encoder's own"
    panel.count.selectAll()
    qtbot.keyClicks(panel.count, "5")
    click(panel.run_row.button)
    finish(panel)
    labels = viewer.layers[-1]
    assert np.unique(labels.data).tolist() == [1, 2, 3, 4, 5]
    assert recipe_of(labels)["clusters"] == 5
    assert panel.run_row.status.text().startswith("5 clusters")


def test_all_planes_of_a_stack(panel, click, tick, finish, viewer, image):
    tick(panel.every_plane)
    click(panel.run_row.button)
    finish(panel)
    labels = viewer.layers[-1]
    assert labels.data.shape == image.data.shape
    np.testing.assert_allclose(labels.extent.world, image.extent.world)


def test_all_images_at_once(panel, click, tick, finish, viewer, image, xrays, qtbot):
    viewer.add_image(xrays[1], name="flat")
    panel.image.layer = image
    click(panel.run_row.button)
    finish(panel)
    tick(panel.all_images)
    assert not panel.image.native.isEnabled()
    panel.count.setValue(4)
    click(panel.run_row.button)
    finish(panel)
    qtbot.waitUntil(lambda: len(viewer.layers) == 8)
    chest, flat = (layer for layer in viewer.layers[4:] if isinstance(layer, Labels))
    assert chest.name.startswith("chest [1] clusters")
    assert flat.name == "flat clusters"
    # It is the same picture twice.
    np.testing.assert_array_equal(chest.data[0], flat.data)
    assert [layer.visible for layer in viewer.layers[2:4]] == [False, False]


def test_maps_of_several_images_are_shown_one_at_a_time_each_on_its_own(
    panel, click, tick, finish, viewer, image, xrays, qtbot
):
    viewer.add_image(xrays[1], name="flat")
    panel.picture_box.value = False
    tick(panel.all_images)
    click(panel.run_row.button)
    finish(panel)
    qtbot.waitUntil(lambda: len(viewer.layers) == 4)

    def in_view():
        return {layer.name for layer in viewer.layers if layer.visible}

    assert in_view() == {"flat", "flat clusters"}
    tick(panel.all_images)
    for key, name, map_name in (
        (Qt.Key.Key_Home, "chest", "chest [1] clusters"),
        (Qt.Key.Key_End, "flat", "flat clusters"),
    ):
        qtbot.keyClick(panel.image.native, key)
        assert in_view() == {name, map_name}
        assert viewer.title == name


def test_a_second_run_leaves_the_first_hidden(panel, click, finish, viewer, image):
    for _ in range(2):
        click(panel.run_row.button)
        finish(panel)
    assert [layer.visible for layer in viewer.layers] == [True, False, False, False, True]


def test_no_image(panel, click, notes):
    click(panel.run_row.button)
    assert not panel.run_row.runner.running
    assert "no image" in notes[-1].message


def test_3d_view_is_refused_before_anything_starts(panel, click, viewer, image, notes):
    viewer.dims.ndisplay = 3
    click(panel.run_row.button)
    assert not panel.run_row.runner.running
    assert "3-D" in notes[-1].message


def test_an_image_removed_meanwhile_gets_no_result(panel, click, finish, viewer, image):
    click(panel.run_row.button)
    viewer.layers.remove(image)
    finish(panel)
    assert len(viewer.layers) == 0
    assert "removed" in panel.run_row.status.text()


def test_an_image_renamed_meanwhile_gets_its_result(panel, click, finish, viewer, image):
    click(panel.run_row.button)
    image.name = "thorax"
    finish(panel)
    assert viewer.layers[-1].name.startswith("thorax")


def test_cancel(panel, click, finish, viewer, image):
    click(panel.run_row.button)
    click(panel.run_row.button)
    finish(panel)
    assert len(viewer.layers) == 1
    assert panel.run_row.status.text() == "Cancelled."


def test_the_image_is_not_taken_for_a_volume(panel, click, finish, viewer, session):
    viewer.layers.clear()
    colour = np.random.default_rng(0).integers(0, 255, (48, 64, 4), dtype=np.uint8)
    viewer.add_image(colour, rgb=True)
    click(panel.run_row.button)
    finish(panel)
    assert viewer.layers[-1].data.shape == (48, 64)


def test_the_encoder_can_be_unloaded_after_a_run(panel, click, finish, session, image):
    click(panel.run_row.button)
    finish(panel)
    session.unload()
    assert session.encoder is None
    click(panel.run_row.button)
    finish(panel)
    assert session.encoder is not None
