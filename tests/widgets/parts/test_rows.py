from __future__ import annotations

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image, Labels
from qtpy.QtCore import Qt

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.compute.client import compute_process
from napari_localdisc.core.priors import BUILT_IN_PRIORS
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.stores.segmenter_files import shipped_segmenters
from napari_localdisc.viewer.layers import all_planes, picture_layer
from napari_localdisc.viewer.session import AUTOMATIC
from napari_localdisc.widgets.parts._find_row import FindRow
from napari_localdisc.widgets.parts._image_list import ImageList
from napari_localdisc.widgets.parts._panel import Panel
from napari_localdisc.widgets.parts._rows import DeviceRow, EncoderRow, LayerChoice


@pytest.fixture
def viewer():
    return ViewerModel()


@pytest.fixture
def panel(qtbot, viewer):
    panel = Panel(viewer, "Testing")
    qtbot.addWidget(panel)
    return panel


def add(viewer, name):
    return viewer.add_image(np.random.default_rng(0).random((16, 16)), name=name)


class TestLayerChoice:
    @pytest.fixture
    def choice(self, panel):
        choice = LayerChoice(panel, (Image,), "image")
        panel.form.addRow(choice.native)
        return choice

    def test_nothing_to_choose(self, choice):
        assert choice.layer is None
        with pytest.raises(LocaldiscError, match="no image"):
            choice.require()

    def test_it_follows_the_viewer(self, choice, viewer):
        first, second = add(viewer, "first"), add(viewer, "second")
        viewer.add_labels(np.zeros((16, 16), int))
        assert choice.box.choices == (first, second)
        assert choice.require() is second
        viewer.layers.remove(second)
        assert choice.require() is first

    def test_it_turns_to_the_image_that_is_selected(self, choice, viewer):
        first, second = add(viewer, "first"), add(viewer, "second")
        viewer.layers.selection.active = first
        assert choice.layer is first
        viewer.add_labels(np.zeros((16, 16), int))
        assert choice.layer is first
        viewer.layers.selection.active = second
        assert choice.layer is second

    def test_it_begins_with_the_uppermost_image_in_view(self, panel, viewer):
        first, second, third = (add(viewer, name) for name in ("first", "second", "third"))
        third.visible = False
        viewer.add_labels(np.zeros((16, 16), int))
        assert LayerChoice(panel, (Image,), "image").layer is second
        second.visible = first.visible = False
        assert LayerChoice(panel, (Image,), "image").layer is first

    def test_the_choice_survives_renaming_reordering_and_the_removal_of_others(
        self, choice, viewer
    ):
        first, second, third = (add(viewer, name) for name in ("first", "second", "third"))
        choice.layer = second
        second.name = "another name"
        assert choice.layer is second
        assert choice.native.currentText() == "another name"
        viewer.layers.move(0, 3)
        assert choice.layer is second
        viewer.layers.remove(first)
        viewer.layers.remove(third)
        assert choice.layer is second

    def test_changes_are_announced(self, choice, viewer):
        changes = []
        choice.changed.connect(changes.append)
        first = add(viewer, "first")
        add(viewer, "second")
        viewer.layers.remove(first)
        assert [layer.name for layer in changes] == ["first", "second"]

    def test_our_own_pictures_are_not_offered(self, choice, viewer):
        image = add(viewer, "first")
        picture = np.zeros((16, 16, 3), np.uint8)
        viewer.add_layer(picture_layer(all_planes(image), [picture], "embedding", {}))
        assert choice.box.choices == (image,)

    def test_several_kinds(self, panel, viewer):
        choice = LayerChoice(panel, (Image, Labels), "layer")
        image, labels = add(viewer, "image"), viewer.add_labels(np.zeros((16, 16), int))
        assert choice.box.choices == (image, labels)


class TestImageList:
    @pytest.fixture
    def images(self, panel):
        images = ImageList(panel)
        panel.form.addRow(images)
        return images

    def test_new_images_are_ticked(self, images, viewer):
        layers = [add(viewer, "first"), add(viewer, "second")]
        assert images.images == layers

    def test_ticks_survive_changes_of_the_viewer(self, images, viewer):
        first, second, third = (add(viewer, name) for name in ("first", "second", "third"))
        images.item(1).setCheckState(Qt.CheckState.Unchecked)
        first.name = "renamed"
        viewer.layers.remove(third)
        assert images.images == [first]
        images.tick(second)
        assert images.images == [first, second]


class TestDeviceRow:
    def test_it_shares_its_device(self, panel):
        first, second = DeviceRow(panel), DeviceRow(panel)
        assert first.currentData() == AUTOMATIC
        first.setCurrentIndex(first.findData("cpu"))
        assert panel.session.device == "cpu"
        assert second.currentData() == "cpu"

    def test_it_says_what_was_found(self, panel, qtbot):
        row = DeviceRow(panel)
        compute_process().start()  # as the first panel of a window does; it is what looks
        qtbot.waitUntil(lambda: "cpu" in row.toolTip(), timeout=30_000)


class TestEncoderRow:
    def test_it_shares_its_encoder(self, panel, tmp_path):
        first, second = EncoderRow(panel), EncoderRow(panel)
        assert first.currentData() == AUTOMATIC
        first.choose_file(tmp_path / "mine.safetensors")
        assert panel.session.encoder_name == str(tmp_path / "mine.safetensors")
        assert second.currentText() == "mine.safetensors"

    def test_choosing_a_file_leaves_the_choice_until_there_is_one(self, qtbot, panel):
        row = EncoderRow(panel)
        row.file_wanted.disconnect()
        with qtbot.waitSignal(row.file_wanted):
            row.setCurrentIndex(row.count() - 1)
            row.activated.emit(row.count() - 1)
        assert row.currentData() == AUTOMATIC


class TestFindRow:
    def test_ready_made_segmenters_come_before_shapes_and_nothing_is_chosen(self, panel):
        row = FindRow(panel)
        texts = [row.itemText(index) for index in range(row.count())]
        assert texts[: len(shipped_segmenters())] == [
            "Lungs, ready made",
            "Optic cup, ready made",
            "Optic disc, ready made",
            "Vessels, ready made",
        ]
        assert texts[len(shipped_segmenters())].endswith(", by simulated shapes")
        assert row.count() == len(shipped_segmenters()) + len(BUILT_IN_PRIORS)
        assert row.currentIndex() == -1
        with pytest.raises(LocaldiscError, match="choose it from the list"):
            _ = panel.session.chosen_prior

    def test_the_prior_of_the_session_comes_first_and_is_taken(self, panel):
        row = FindRow(panel, ready_made=False)
        for name in ("one", "two"):
            panel.session.settle(ready_made="lungs")
            panel.session.prior = Prior.from_masks([np.eye(8)], name)
            assert panel.session.chosen_prior is panel.session.prior
            assert panel.session.settings.ready_made is None
            assert row.currentText() == f"{name.capitalize()}, from Priors"
        assert row.count() == len(BUILT_IN_PRIORS) + 1

    def test_rows_of_a_viewer_agree(self, panel, qtbot):
        panel.session.prior = Prior.from_masks([np.eye(8)], "mine")
        one, other = FindRow(panel), FindRow(panel)
        qtbot.addWidget(one)
        one.show()
        one.setCurrentText("Vessels, by simulated shapes")
        one.activated.emit(one.currentIndex())
        assert other.currentText() == "Vessels, by simulated shapes"
        assert panel.session.chosen_prior == "vessels"
        qtbot.keyClick(other, Qt.Key.Key_Home)
        assert one.currentText() == "Mine, from Priors"
        assert panel.session.chosen_prior is panel.session.prior
        qtbot.keyClick(one, Qt.Key.Key_Down)
        assert panel.session.settings.ready_made == "lungs"
        assert other.currentText() == "Lungs, ready made"


class Ear:
    def __init__(self):
        self.heard = []

    def hear(self, value):
        self.heard.append(value)

    def hear_nothing(self):
        self.heard.append(None)


def test_a_closed_panel_hears_nothing_more(qtbot, viewer):
    ear = Ear()
    panel = Panel(viewer, "Testing")
    panel.listen(panel.session.device_changed, ear.hear)
    panel.follow_layers(ear.hear_nothing)
    panel.session.device = "cpu"
    add(viewer, "first")
    assert ear.heard == ["cpu", None]
    with qtbot.waitSignal(panel.destroyed):
        panel.deleteLater()
    panel.session.device = "auto"
    add(viewer, "second")
    assert ear.heard == ["cpu", None]
