"""The whole application: a real window, the real manifest, all five docks."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QScrollArea

from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.viewer.session import session_of

PANELS = ("Encoder", "Clusters", "Priors", "Find", "Folder")


def test_from_a_phantom_to_its_segmentation(
    make_napari_viewer, dock_panel, click, finish, encoder_file, effort
):
    viewer = make_napari_viewer()
    panels = {name: dock_panel(viewer, name) for name in PANELS}
    session = session_of(viewer)
    session.encoder_name, session.device = str(encoder_file), "cpu"
    viewer.open_sample("napari-localdisc", "xray")
    assert viewer.layers[0].name == "X-ray phantoms"
    viewer.layers.clear()
    image = viewer.add_image(xray_phantom(0, 64).image, name="chest", scale=(0.5, 0.5))

    click(panels["Clusters"].run_row.button)
    finish(panels["Clusters"])
    assert [layer.name for layer in viewer.layers] == [
        "chest",
        "chest embedding",
        "chest clusters",
    ]

    panels["Priors"].ready_made.structure.value = "lungs"
    panels["Priors"].ready_made.count.value = 4
    click(panels["Priors"].run_row.button)
    finish(panels["Priors"])

    panels["Find"].effort = effort
    click(panels["Find"].run_row.button)
    finish(panels["Find"])
    result = viewer.layers["chest lungs"]
    assert isinstance(result, Labels)
    assert result.data.any()
    np.testing.assert_allclose(result.extent.world, image.extent.world)
    assert panels["Folder"].in_use.text() == "Finds lungs."


def test_a_researcher_looks_into_an_embedding(
    make_napari_viewer, dock_panel, click, finish, hover, encoder_file, qtbot
):
    viewer = make_napari_viewer(show=True)
    panel = dock_panel(viewer, "Clusters")
    session = session_of(viewer)
    session.encoder_name, session.device = str(encoder_file), "cpu"
    image = viewer.add_image(xray_phantom(0, 64).image, name="chest", scale=(0.5, 0.5))
    panel.count.setValue(4)
    click(panel.run_row.button)
    finish(panel)
    labels = viewer.layers["chest clusters"]

    click(panel.look_section.button)
    canvas = viewer.window._qt_viewer.canvas.native
    listening = list(viewer.mouse_move_callbacks)
    for world, place in (((9, 9), "row 18, column 18"), ((10, 20), "row 20, column 40")):

        def reported(world=world, place=place):
            # vispy drops what comes within 10 ms of another move.
            hover(canvas, on_canvas(viewer, world))
            return place in panel.look.report.text()

        qtbot.waitUntil(reported)
    qtbot.waitUntil(lambda: "chest similarity" in viewer.layers)
    heat = viewer.layers["chest similarity"]
    np.testing.assert_allclose(heat.extent.world, image.extent.world)
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=on_canvas(viewer, (10, 20)))
    qtbot.waitUntil(lambda: "chest most alike" in viewer.layers)
    np.testing.assert_array_equal(viewer.layers["chest most alike"].data[0], (20, 40))
    assert viewer.layers.selection.active is labels

    click(panel.results.table_button)
    table = viewer.window.dock_widgets["Features table widget (napari)"]
    assert table.table.model().rowCount() == len(labels.features)
    table.parentWidget().hide()
    click(panel.results.table_button)
    qtbot.waitUntil(lambda: in_view(table))
    panel.parentWidget().parentWidget().raise_()
    qtbot.waitUntil(lambda: in_view(panel))
    viewer.window.remove_dock_widget("all")
    qtbot.wait(10)
    assert len(viewer.mouse_move_callbacks) == len(listening) - 1


def on_canvas(viewer, world):
    """Where a point of the world is on the canvas."""
    canvas, camera = viewer.window._qt_viewer.canvas.native, viewer.scene.camera
    from_middle = (np.array(world) - camera.center[-2:]) * camera.zoom
    return QPoint(
        round(canvas.width() / 2 + from_middle[1]), round(canvas.height() / 2 + from_middle[0])
    )


def test_every_panel_fits_a_small_screen(make_napari_viewer, dock_panel):
    viewer = make_napari_viewer()
    for name in PANELS:
        panel = dock_panel(viewer, name)
        assert panel.minimumSizeHint().height() < 400
        assert panel.minimumSizeHint().width() < 340
        inner = panel.findChild(QScrollArea).widget()
        assert inner.minimumSizeHint().width() < 340, name


def test_docks_can_be_closed_and_opened_again(make_napari_viewer, dock_panel, qtbot):
    viewer = make_napari_viewer()
    dock_panel(viewer, "Clusters")
    viewer.window.remove_dock_widget("all")
    viewer.add_image(np.zeros((16, 16)), name="chest")
    qtbot.wait(10)
    panel = dock_panel(viewer, "Clusters")
    assert panel.image.layer.name == "chest"


def in_view(dock):
    return not dock.visibleRegion().isEmpty()


def test_docks_share_their_place_as_tabs(make_napari_viewer, choose, qtbot):
    viewer = make_napari_viewer(show=True)
    docks = [viewer.window.dock_widgets[choose(viewer, name)] for name in ("Encoder", "Clusters")]
    qtbot.waitUntil(lambda: all(dock.panel is not None for dock in docks))
    first, second = (dock.parentWidget() for dock in docks)
    qtbot.waitUntil(lambda: viewer.window._qt_window.tabifiedDockWidgets(first) == [second])
    qtbot.waitUntil(lambda: in_view(docks[1]) and not in_view(docks[0]))
    first.raise_()
    qtbot.waitUntil(lambda: in_view(docks[0]) and not in_view(docks[1]))


def test_a_hidden_dock_comes_back_in_front(make_napari_viewer, choose, qtbot):
    viewer = make_napari_viewer(show=True)
    docks = [viewer.window.dock_widgets[choose(viewer, name)] for name in ("Encoder", "Clusters")]
    qtbot.waitUntil(lambda: in_view(docks[1]) and not in_view(docks[0]))
    choose(viewer, "Encoder")
    assert not docks[0].isVisible()
    choose(viewer, "Encoder")
    qtbot.waitUntil(lambda: in_view(docks[0]) and not in_view(docks[1]))


def test_docks_that_the_user_parted_stay_parted(make_napari_viewer, choose, qtbot):
    viewer = make_napari_viewer(show=True)
    window = viewer.window._qt_window
    docks = [viewer.window.dock_widgets[choose(viewer, name)] for name in ("Encoder", "Clusters")]
    first, second = (dock.parentWidget() for dock in docks)
    qtbot.waitUntil(lambda: window.tabifiedDockWidgets(first) == [second])
    window.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, second)
    choose(viewer, "Clusters")
    choose(viewer, "Clusters")
    qtbot.waitUntil(lambda: in_view(docks[0]) and in_view(docks[1]))
    qtbot.wait(10)
    assert window.tabifiedDockWidgets(first) == []
