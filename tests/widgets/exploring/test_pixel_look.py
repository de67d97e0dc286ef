"""Looking at pixels and into the scatter view."""

from __future__ import annotations

import gc
from types import SimpleNamespace

import numpy as np
import pytest
from napari.layers import Image, Labels, Points
from napari.utils.interactions import (
    mouse_move_callbacks,
    mouse_press_callbacks,
    mouse_release_callbacks,
)
from qtpy.QtCore import QPointF, Qt

from napari_localdisc.widgets.panels.clusters import ClustersPanel


@pytest.fixture
def image(viewer, xrays):
    return viewer.add_image(
        xrays, name="chest", scale=(2, 0.5, 0.5), translate=(0, 3, 4), rotate=(0, 0, 20)
    )


@pytest.fixture
def panel(open_panel, viewer, session, image, click, finish):
    """The panel after a run on the first two planes' stack."""
    panel = open_panel(ClustersPanel, viewer)
    panel.resize(330, 700)
    panel.count.setValue(4)
    panel.every_plane.value = True
    click(panel.run_row.button)
    finish(panel)
    return panel


@pytest.fixture
def point(viewer, image):
    """Move the pointer to a pixel of the image; or click there."""

    def event(kind, pixel, **others):
        position = image.data_to_world(pixel)
        given = {"button": None, "modifiers": (), "pos": np.zeros(2), "is_dragging": False}
        return SimpleNamespace(type=kind, position=position, viewbox=(0, 0), **{**given, **others})

    def point(pixel, *, click=False, drag=0, **others):
        if not click:
            mouse_move_callbacks(viewer, event("mouse_move", pixel))
            return
        pressed = event("mouse_press", pixel, **{"button": 1, **others})
        mouse_press_callbacks(viewer, pressed)
        for kind, callbacks in (
            ("mouse_move", mouse_move_callbacks),
            ("mouse_release", mouse_release_callbacks),
        ):
            # napari hands the running callbacks the event that they began with, brought up to date.
            pressed.__dict__.update(type=kind, is_dragging=True, pos=np.array((drag, 0)))
            callbacks(viewer, pressed)

    return point


def layers_of(viewer, kind):
    return [layer for layer in viewer.layers if type(layer) is kind]


def heat(viewer):
    return next((layer for layer in viewer.layers if "similarity" in layer.name), None)


def calm(panel, qtbot):
    qtbot.waitUntil(lambda: panel.look._latest._worker is None)


class TestLook:
    def test_nothing_happens_before_it_is_wanted(self, panel, viewer, point, qtbot):
        before = len(viewer.layers)
        point((1, 5, 5))
        calm(panel, qtbot)
        assert len(viewer.layers) == before

    def test_the_pixel_under_the_pointer_is_described(self, panel, viewer, point, click, qtbot):
        click(panel.look_section.button)
        label = layers_of(viewer, Labels)[0].data[1, 20, 30]
        point((1, 20, 30))
        assert panel.look.report.text() == f"chest [1], row 20, column 30: Cluster {label}."
        qtbot.waitUntil(lambda: "next: Cluster" in panel.look.report.text())
        text = panel.look.report.text()
        assert text.startswith(f"chest [1], row 20, column 30: Cluster {label}, similarity to its")
        point((1, 20, -30))
        assert "row" not in panel.look.report.text()

    def test_a_similarity_map_follows(self, panel, viewer, image, point, click, qtbot):
        click(panel.look_section.button)
        point((1, 20, 30))
        qtbot.waitUntil(lambda: heat(viewer) is not None)
        layer = heat(viewer)
        assert layer.data[0, 20, 30] == pytest.approx(1, abs=1e-5)
        point((2, 40, 10))
        qtbot.waitUntil(lambda: layer.data[0, 40, 10] == pytest.approx(1, abs=1e-5))
        np.testing.assert_allclose(layer.data_to_world((0, 9, 9)), image.data_to_world((2, 9, 9)))
        assert len(layers_of(viewer, Image)) == 2 + 1

    def test_a_click_keeps_the_map_and_marks_neighbours(
        self, panel, viewer, point, click, tick, qtbot
    ):
        click(panel.look_section.button)
        point((1, 20, 30), click=True)
        qtbot.waitUntil(lambda: len(layers_of(viewer, Points)) == 1)
        kept = heat(viewer).data.copy()
        assert not panel.look.follow.isChecked()
        point((1, 50, 50))
        calm(panel, qtbot)
        np.testing.assert_array_equal(heat(viewer).data, kept)
        np.testing.assert_array_equal(layers_of(viewer, Points)[0].data[0], (1, 20, 30))
        tick(panel.look.follow)
        point((1, 50, 50))
        qtbot.waitUntil(lambda: heat(viewer).data[0, 50, 50] == pytest.approx(1, abs=1e-5))

    @pytest.mark.parametrize("how", [{"drag": 50}, {"modifiers": ("Shift",)}, {"button": 2}])
    def test_what_is_no_plain_click_marks_nothing(self, panel, viewer, point, click, qtbot, how):
        click(panel.look_section.button)
        panel.look.follow.setChecked(False)
        point((1, 20, 30), click=True, **how)
        calm(panel, qtbot)
        assert not layers_of(viewer, Points)

    def test_painting_is_not_looking(self, panel, viewer, point, click, qtbot):
        click(panel.look_section.button)
        labels = layers_of(viewer, Labels)[0]
        viewer.layers.selection.active = labels
        labels.mode = "paint"
        point((1, 20, 30), click=True)
        calm(panel, qtbot)
        assert not layers_of(viewer, Points)

    def test_an_embedding_let_go_of_is_made_again(self, panel, viewer, point, click, qtbot):
        panel._cache.belong_to(panel)
        click(panel.look_section.button)
        point((1, 20, 30), click=True)
        qtbot.waitUntil(lambda: len(layers_of(viewer, Points)) == 1, timeout=20_000)
        assert heat(viewer).data[0, 20, 30] == pytest.approx(1, abs=1e-5)

    def test_it_listens_only_while_in_view(self, panel, viewer, click):
        before = len(viewer.mouse_move_callbacks), len(viewer.mouse_drag_callbacks)
        click(panel.look_section.button)
        listening = len(viewer.mouse_move_callbacks), len(viewer.mouse_drag_callbacks)
        assert listening == (before[0] + 1, before[1] + 1)
        panel.hide()
        assert (len(viewer.mouse_move_callbacks), len(viewer.mouse_drag_callbacks)) == before
        panel.show()
        assert (len(viewer.mouse_move_callbacks), len(viewer.mouse_drag_callbacks)) == listening
        click(panel.look_section.button)
        assert (len(viewer.mouse_move_callbacks), len(viewer.mouse_drag_callbacks)) == before

    def test_a_removed_image_is_not_looked_at(self, panel, viewer, image, point, click, qtbot):
        click(panel.look_section.button)
        viewer.layers.remove(image)
        point((1, 20, 30))
        point((1, 20, 30), click=True)
        calm(panel, qtbot)
        assert heat(viewer) is None


class TestScatter:
    @pytest.fixture
    def plot(self, panel, click, qtbot):
        click(panel.scatter_section.button)
        panel.scatter.plot.setRange(xRange=(-3, 3), yRange=(-3, 3), padding=0)
        qtbot.wait(10)
        return panel.scatter.plot

    @pytest.fixture
    def lasso(self, plot, hover, qtbot):
        """Draw around a rectangle of scores with the mouse."""

        def lasso(low, high):
            corners = [low, (high[0], low[1]), high, (low[0], high[1])]
            view = plot.viewport()
            places = [
                plot.mapFromScene(plot.plotItem.vb.mapViewToScene(c)) for c in map(at, corners)
            ]
            qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=places[0])
            for place in places[1:]:
                hover(view, place, Qt.MouseButton.LeftButton)
                qtbot.wait(30)
            qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=places[-1])

        return lasso

    def test_pixels_and_centres_are_shown(self, panel, plot, viewer):
        shown = plot.pixels.getData()[0]
        assert len(shown) == 3000
        centres = plot.centres.points()
        assert [spot.data() for spot in centres] == list(
            layers_of(viewer, Labels)[0].features["index"]
        )

    def test_the_same_pixels_are_drawn_again(self, panel, plot, click, finish):
        before = np.array(plot.pixels.getData())
        click(panel.run_row.button)
        finish(panel)
        np.testing.assert_array_equal(np.array(plot.pixels.getData()), before)

    def test_pixels_drawn_around_are_seen_in_the_image(self, panel, plot, lasso, viewer, qtbot):
        lasso((-0.3, -2), (2, 2))
        qtbot.waitUntil(lambda: "selected pixels" in viewer.layers[-1].name)
        selected = viewer.layers[-1]
        first = np.stack([each.scores[0] for each in panel.results.exploration.planes])
        expected = first > -0.3
        # The outline goes through pixels of the screen.
        assert ((selected.data == 1) == expected).mean() > 0.97
        assert f"{selected.data.sum():,} pixels" in panel.scatter.report.text()
        lasso((2.1, 2.1), (2.5, 2.5))
        qtbot.waitUntil(lambda: not selected.data.any())

    def test_the_selection_can_be_cleared(self, panel, plot, lasso, viewer, qtbot, click):
        before = len(viewer.layers)
        lasso((-2, -2), (2, 2))
        qtbot.waitUntil(lambda: len(viewer.layers) == before + 1)
        click(panel.scatter.clear_button)
        assert len(viewer.layers) == before

    def test_a_click_on_a_centre_isolates_its_cluster(self, panel, plot, viewer, hover, qtbot):
        spot = plot.centres.points()[1]
        scene = plot.plotItem.vb.mapViewToScene(spot.pos())
        place = plot.mapFromScene(scene)
        hover(plot.viewport(), place)
        qtbot.mouseClick(plot.viewport(), Qt.MouseButton.LeftButton, pos=place)
        labels = layers_of(viewer, Labels)[0]
        assert labels.show_selected_label
        assert labels.selected_label == spot.data()

    def test_merged_clusters_have_one_centre(self, panel, plot, viewer, qtbot):
        panel.results.isolate(1)
        panel.results.strip.merge_wanted.emit(2)
        assert [spot.data() for spot in plot.centres.points()] == [1, 3, 4]

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_axes_follow_the_theme(self, plot, viewer, theme):
        viewer.theme = theme
        pen = plot.getAxis("left").textPen().color()
        assert (pen.lightness() > 128) == (theme == "dark")


def test_a_closed_panel_leaves_the_viewer_alone(viewer, session, image, qtbot, click, finish):
    before = list(viewer.mouse_move_callbacks), list(viewer.mouse_drag_callbacks)
    panel = ClustersPanel(viewer)
    panel.show()
    click(panel.run_row.button)
    finish(panel)
    click(panel.look_section.button)
    assert len(viewer.mouse_move_callbacks) > len(before[0])
    panel.close()
    panel.deleteLater()
    del panel
    gc.collect()
    qtbot.wait(10)
    assert (list(viewer.mouse_move_callbacks), list(viewer.mouse_drag_callbacks)) == before


def at(corner):
    return QPointF(*corner)
