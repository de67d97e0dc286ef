"""The one test of the whole application: a real window, the real manifest, all five docks."""

from __future__ import annotations

import numpy as np
from napari.layers import Labels
from qtpy.QtWidgets import QScrollArea

from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.session import session_of

PANELS = ("Encoder", "Clusters", "Priors", "Guided segmentation", "Folder")


def test_from_a_phantom_to_its_segmentation(
    make_napari_viewer, click, finish, encoder_file, effort
):
    viewer = make_napari_viewer()
    panels = {
        name: viewer.window.add_plugin_dock_widget("napari-localdisc", name)[1] for name in PANELS
    }
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

    panels["Guided segmentation"].effort = effort
    click(panels["Guided segmentation"].run_row.button)
    finish(panels["Guided segmentation"])
    result = viewer.layers["chest lungs"]
    assert isinstance(result, Labels)
    assert result.data.any()
    np.testing.assert_allclose(result.extent.world, image.extent.world)
    assert panels["Folder"].in_use.text() == "Finds lungs."


def test_every_panel_fits_a_small_screen(make_napari_viewer):
    viewer = make_napari_viewer()
    for name in PANELS:
        _, panel = viewer.window.add_plugin_dock_widget("napari-localdisc", name)
        assert panel.minimumSizeHint().height() < 400
        assert panel.minimumSizeHint().width() < 340
        inner = panel.findChild(QScrollArea).widget()
        assert inner.minimumSizeHint().width() < 340, name


def test_docks_can_be_closed_and_opened_again(make_napari_viewer, qtbot):
    viewer = make_napari_viewer()
    dock, _ = viewer.window.add_plugin_dock_widget("napari-localdisc", "Clusters")
    viewer.window.remove_dock_widget(dock)
    viewer.add_image(np.zeros((16, 16)), name="chest")
    qtbot.wait(10)
    _, panel = viewer.window.add_plugin_dock_widget("napari-localdisc", "Clusters")
    assert panel.image.layer.name == "chest"
