from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels, Shapes
from PIL import Image as Picture
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QSlider

from napari_localdisc.stores.prior_files import read_prior
from napari_localdisc.viewer.drawing_backgrounds import GUIDES
from napari_localdisc.widgets.drawing._drawn_page import BRUSH, ELLIPSE, POLYGON
from napari_localdisc.widgets.panels.guided import GuidedPanel
from napari_localdisc.widgets.panels.priors import DRAWN, FOLDER, PriorsPanel

ELLIPSE_CORNERS = np.array([[10, 20], [10, 40], [30, 40], [30, 20]])


@pytest.fixture
def image(viewer, xrays):
    return viewer.add_image(xrays[0], name="chest", scale=(0.5, 0.5), translate=(7, 8))


@pytest.fixture
def panel(open_panel, viewer, session):
    return open_panel(PriorsPanel, viewer)


class TestReadyMade:
    def test_simulated_masks_become_the_prior(self, panel, click, finish, session):
        panel.ready_made.structure.value = "optic-disc"
        panel.ready_made.count.value = 3
        click(panel.run_row.button)
        finish(panel)
        assert session.prior.name == "optic-disc"
        assert len(session.prior) == 3
        assert "3 masks of optic-disc" in panel.summary.text()
        assert not panel.thumbnails.isHidden()


class TestDrawing:
    @pytest.fixture(autouse=True)
    def drawn_page(self, panel):
        panel.source.value = DRAWN

    @pytest.mark.parametrize(
        ("tool", "kind", "mode"),
        [
            (ELLIPSE, Shapes, "add_ellipse"),
            (POLYGON, Shapes, "add_polygon"),
            (BRUSH, Labels, "paint"),
        ],
    )
    def test_the_tool_is_in_hand(self, panel, click, viewer, image, tool, kind, mode):
        panel.drawn.structure.value = "lung"
        panel.drawn.tool.value = tool
        click(panel.drawn.start)
        layer = viewer.layers[-1]
        assert isinstance(layer, kind)
        assert layer.mode == mode
        assert layer.name == "lung"
        assert viewer.layers.selection.active is layer
        assert panel.drawn.drawing.layer is layer
        np.testing.assert_allclose(layer.data_to_world((5, 6)), image.data_to_world((5, 6)))

    def test_what_is_drawn_on_is_in_view_alone(self, qtbot, panel, click, viewer, image, xrays):
        other = viewer.add_image(xrays[1], name="other")
        qtbot.keyClick(panel.drawn.ground.images.native, Qt.Key.Key_Home)
        assert (image.visible, other.visible) == (True, False)
        click(panel.drawn.start)
        first = viewer.layers[-1]
        qtbot.keyClick(panel.drawn.ground.images.native, Qt.Key.Key_End)
        assert [layer for layer in viewer.layers if layer.visible] == [other]
        click(panel.drawn.start)
        assert [layer.name for layer in viewer.layers if layer.visible] == [
            "other",
            "structure [1]",
        ]
        assert viewer.title == "other"
        panel.drawn.ground.images.layer = image
        click(panel.drawn.start)
        assert not other.visible
        assert image.visible
        assert first.visible

    def test_a_drawn_ellipse_becomes_the_prior(self, panel, click, finish, viewer, session, image):
        panel.drawn.structure.value = "lung"
        panel.drawn.count.value = 1
        click(panel.drawn.start)
        viewer.layers[-1].add(ELLIPSE_CORNERS, shape_type="ellipse")
        click(panel.run_row.button)
        finish(panel)
        prior = session.prior
        assert prior.targets == ("lung",)
        assert len(prior) == 1
        # An ellipse of radii 10 in an image of 64 x 64.
        assert prior.area[0] == pytest.approx(np.pi * 100 / 64**2, rel=0.05)

    @pytest.mark.parametrize("guide", GUIDES)
    def test_where_no_image_is_open_a_faint_guide_is_drawn_on(
        self, panel, click, finish, viewer, session, xrays, guide
    ):
        page = panel.drawn
        page.ground.guides.value = guide
        page.count.value = 1
        click(page.start)
        below, drawing = viewer.layers
        assert below.opacity < 0.5
        assert page.ground.guides.native.isVisible()
        height, width = below.data.shape[:2]
        corners = np.array([[0, 0], [0, width / 2], [height / 2, width / 2], [height / 2, 0]])
        drawing.add(corners, shape_type="ellipse")
        # What is opened later is of another size, and not what was drawn on.
        viewer.add_image(xrays[0])
        assert not page.ground.guides.native.isVisible()
        click(panel.run_row.button)
        finish(panel)
        assert session.prior.area[0] == pytest.approx(np.pi / 16, rel=0.05)

    def test_another_guide_takes_the_place_of_the_first(self, panel, click, viewer):
        for guide in GUIDES[:2]:
            panel.drawn.ground.guides.value = guide
            click(panel.drawn.start)
        guides = [layer.name for layer in viewer.layers if layer.name.startswith("Guide")]
        assert guides == [f"Guide: {GUIDES[1]}"]

    def test_a_guide_is_no_image_to_run_on(self, panel, click, viewer, open_panel):
        click(panel.drawn.start)
        assert open_panel(GuidedPanel, viewer).images.images == []

    def test_few_drawings_are_varied(self, panel, click, finish, viewer, session, image):
        click(panel.drawn.start)
        viewer.layers[-1].add(ELLIPSE_CORNERS, shape_type="ellipse")
        panel.drawn.count.value = 3
        click(panel.run_row.button)
        finish(panel)
        assert len(session.prior) == 3
        assert not np.array_equal(session.prior.masks[0], session.prior.masks[1])

    def test_each_shape_on_its_own(self, panel, click, finish, viewer, session, image):
        click(panel.drawn.start)
        for shift in (0, 15):
            viewer.layers[-1].add(ELLIPSE_CORNERS + shift, shape_type="ellipse")
        panel.drawn.apart.value = True
        panel.drawn.count.value = 1
        click(panel.run_row.button)
        finish(panel)
        assert len(session.prior) == 2

    def test_any_labels_layer_will_do(self, panel, click, finish, viewer, session, image):
        data = np.zeros((64, 64), int)
        data[10:20, 10:20], data[30:40, 30:40] = 1, 2
        labels = viewer.add_labels(data, scale=(0.5, 0.5), translate=(7, 8))
        panel.drawn.drawing.layer = labels
        panel.drawn.apart.value = True
        panel.drawn.count.value = 1
        click(panel.run_row.button)
        finish(panel)
        assert session.prior.targets == ("label 1", "label 2")

    def test_named_targets_keep_their_relative_place(
        self, panel, click, finish, viewer, session, image
    ):
        panel.drawn.structure.value = "disc, cup , fovea"
        panel.drawn.count.value = 1
        click(panel.drawn.start)
        layer = viewer.layers[-1]
        layer.add(ELLIPSE_CORNERS, shape_type="ellipse")
        panel.drawn.next.value = "cup"
        layer.add((ELLIPSE_CORNERS - [20, 30]) / 2 + [20, 30], shape_type="ellipse")
        panel.drawn.next.value = "fovea"
        layer.add(ELLIPSE_CORNERS + 25, shape_type="ellipse")
        assert list(layer.features["target"]) == ["disc", "cup", "fovea"]
        assert len(np.unique(layer.edge_color, axis=0)) == 3
        click(panel.run_row.button)
        finish(panel)
        assert session.prior.targets == ("disc", "cup", "fovea")
        disc, cup, fovea = session.prior.area
        # The cup takes a quarter of the disc that it lies in.
        assert cup / (disc + cup) == pytest.approx(0.25, rel=0.1)
        assert fovea == pytest.approx(disc + cup, rel=0.05)

    def test_named_targets_by_brush(self, panel, click, finish, viewer, session, image):
        panel.drawn.structure.value = "disc, cup"
        panel.drawn.tool.value = BRUSH
        click(panel.drawn.start)
        layer = viewer.layers[-1]
        assert layer.selected_label == 1
        panel.drawn.next.value = "cup"
        assert layer.selected_label == 2
        layer.paint((20, 20), 2)
        panel.drawn.next.value = "disc"
        layer.paint((40, 40), layer.selected_label)
        click(panel.run_row.button)
        finish(panel)
        assert session.prior.targets == ("disc", "cup")

    def test_the_variation_slider_makes_them_anew(
        self, panel, click, finish, viewer, session, image, qtbot
    ):
        click(panel.drawn.start)
        viewer.layers[-1].add(ELLIPSE_CORNERS, shape_type="ellipse")
        panel.drawn.count.value = 4
        click(panel.run_row.button)
        finish(panel)
        usual = session.prior
        qtbot.keyClick(panel.drawn.variation.native.findChild(QSlider), Qt.Key.Key_Home)
        qtbot.waitUntil(lambda: session.prior is not usual, timeout=10_000)
        finish(panel)
        assert all(np.array_equal(mask, session.prior.masks[0]) for mask in session.prior.masks)
        assert not np.array_equal(usual.masks[0], usual.masks[1])

    def test_the_slider_waits_for_a_drawing(self, panel, session, image, qtbot):
        panel.drawn.variation.value = 50
        qtbot.wait(400)
        assert session.prior is None

    def test_masks_are_saved(
        self, panel, click, finish, viewer, session, image, tmp_path, monkeypatch
    ):
        assert not panel.save_button.isEnabled()
        click(panel.drawn.start)
        viewer.layers[-1].add(ELLIPSE_CORNERS, shape_type="ellipse")
        panel.drawn.count.value = 2
        click(panel.run_row.button)
        finish(panel)
        answer = (str(tmp_path / "mine"), "")
        monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: answer)
        click(panel.save_button)
        saved = read_prior(tmp_path / "mine.safetensors")
        np.testing.assert_array_equal(saved.masks, session.prior.masks)

    def test_nothing_drawn_yet(self, panel, click, session, notes, image):
        click(panel.drawn.start)
        click(panel.run_row.button)
        assert session.prior is None
        assert "nothing drawn" in notes[-1].message

    def test_a_drawing_that_is_on_no_image(self, panel, click, viewer, notes):
        viewer.add_labels(np.ones((8, 8), int))
        click(panel.run_row.button)
        assert not panel.run_row.runner.running
        assert "no image" in notes[-1].message


class TestFolder:
    @pytest.fixture(autouse=True)
    def folder_page(self, panel):
        panel.source.value = FOLDER

    def test_masks_are_read(self, panel, click, finish, session, tmp_path):
        for number in range(2):
            mask = np.zeros((32, 32), np.uint8)
            mask[8:20, 8 : 20 + number] = 255
            Picture.fromarray(mask).save(tmp_path / f"{number}.png")
        panel.folder.value = tmp_path
        click(panel.run_row.button)
        finish(panel)
        assert len(session.prior) == 2

    def test_no_folder_chosen(self, panel, click, notes):
        click(panel.run_row.button)
        assert "no folder of masks" in notes[-1].message

    def test_an_empty_folder(self, panel, click, finish, session, notes, tmp_path):
        panel.folder.value = tmp_path
        click(panel.run_row.button)
        finish(panel)
        assert session.prior is None
        assert str(tmp_path) in notes[-1].message
        assert panel.run_row.button.text() == "Use these masks"


def test_only_the_rows_of_the_chosen_source_are_shown(panel):
    assert panel.ready_made.structure.native.isVisible()
    assert not panel.drawn.tool.native.isVisible()
    panel.source.value = DRAWN
    assert not panel.ready_made.structure.native.isVisible()
    assert panel.drawn.tool.native.isVisible()
