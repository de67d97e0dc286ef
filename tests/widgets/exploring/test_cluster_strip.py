"""What is done to clusters in the strip shows in their layers."""

from __future__ import annotations

import numpy as np
import pytest
from napari.layers import Labels
from qtpy.QtCore import QPoint, Qt
from qtpy.QtWidgets import QLineEdit

from napari_localdisc.viewer.layers import recipe_of
from napari_localdisc.widgets.panels.clusters import ClustersPanel

CONTROL = Qt.KeyboardModifier.ControlModifier


@pytest.fixture
def panel(open_panel, viewer, session, xrays, click, finish):
    """The panel after a run on a stack, six clusters."""
    viewer.add_image(xrays, name="chest")
    panel = open_panel(ClustersPanel, viewer)
    panel.resize(330, 700)
    panel.count.setValue(6)
    panel.every_plane.value = True
    click(panel.run_row.button)
    finish(panel)
    return panel


@pytest.fixture
def labels(viewer, panel):
    return viewer.layers[-1]


@pytest.fixture
def tile(panel, qtbot):
    """Click the thumbnail, or the tick, of a cluster."""
    strip = panel.results.strip

    def tile(label, modifier=Qt.KeyboardModifier.NoModifier, tick=False):
        index = strip.clusters.place(label)
        strip.scrollTo(index)
        cell = strip.visualRect(index)
        place = cell.topLeft() + (QPoint(8, 8) if tick else QPoint(cell.width() // 2, 40))
        qtbot.mouseClick(strip.viewport(), Qt.MouseButton.LeftButton, modifier, place)

    return tile


@pytest.fixture
def press(panel, qtbot):
    """Press a key on a cluster."""

    def press(label, key, modifier=Qt.KeyboardModifier.NoModifier):
        strip = panel.results.strip
        strip.setFocus()
        strip.setCurrentIndex(strip.clusters.place(label))
        qtbot.keyClick(strip, key, modifier)

    return press


def texts(panel):
    clusters = panel.results.strip.clusters
    return [clusters.data(clusters.index(row)) for row in range(clusters.rowCount())]


def test_each_cluster_has_a_thumbnail_its_size_and_compactness(panel, labels):
    clusters = panel.results.strip.clusters
    table = labels.features.sort_values("size", ascending=False)
    assert texts(panel) == [
        f"{row['name']}\n{row['area']:.1%} · {row['compactness']:.2f}"
        for _, row in table.iterrows()
    ]
    for row in range(clusters.rowCount()):
        icon = clusters.data(clusters.index(row), Qt.ItemDataRole.DecorationRole)
        assert not icon.isNull()
        assert "Compactness" in clusters.data(clusters.index(row), Qt.ItemDataRole.ToolTipRole)


def test_a_click_isolates_and_another_shows_all(panel, labels, tile):
    tile(2)
    assert labels.show_selected_label
    assert labels.selected_label == 2
    assert "Only Cluster 2" in panel.results.hint.text()
    tile(3)
    assert labels.selected_label == 3
    tile(3)
    assert not labels.show_selected_label


def test_control_click_merges_and_undo_brings_back(panel, labels, tile, click):
    before = labels.data.copy()
    assert not panel.results.undo_button.isEnabled()
    tile(1)
    tile(2, CONTROL)
    tile(4, CONTROL)
    np.testing.assert_array_equal(labels.data, np.where(np.isin(before, (2, 4)), 1, before))
    assert list(labels.features["index"]) == [1, 3, 5, 6]
    assert len(texts(panel)) == 4
    assert labels.selected_label == 1
    click(panel.results.undo_button)
    np.testing.assert_array_equal(labels.data, np.where(before == 2, 1, before))
    click(panel.results.undo_button)
    np.testing.assert_array_equal(labels.data, before)
    assert len(texts(panel)) == 6
    assert not panel.results.undo_button.isEnabled()


def test_merging_needs_one_to_merge_into(panel, labels, tile, notes):
    before = labels.data.copy()
    tile(2, CONTROL)
    assert "click the one to keep" in notes[-1].message
    np.testing.assert_array_equal(labels.data, before)


def test_a_name_shows_everywhere(panel, labels, press, qtbot):
    press(3, Qt.Key.Key_Return)
    press(3, Qt.Key.Key_F2)
    editor = panel.results.strip.findChild(QLineEdit)
    assert editor.text() == "Cluster 3"
    editor.selectAll()
    qtbot.keyClicks(editor, "lung")
    qtbot.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: any(text.startswith("lung\n") for text in texts(panel)))
    assert labels.features.set_index("index").loc[3, "name"] == "lung"
    assert labels.show_selected_label, "Enter was for the name"
    assert "Only lung" in panel.results.hint.text()


def test_all_of_it_by_keyboard(panel, labels, press):
    press(2, Qt.Key.Key_Return)
    assert labels.selected_label == 2
    press(5, Qt.Key.Key_Return, CONTROL)
    assert 5 not in labels.data
    press(2, Qt.Key.Key_Z, CONTROL)
    assert 5 in labels.data
    strip = panel.results.strip
    assert strip.clusters.label(strip.currentIndex()) == 2
    press(4, Qt.Key.Key_Space)
    assert panel.results.strip.clusters.ticked == [4]
    press(2, Qt.Key.Key_Return)
    assert not labels.show_selected_label


def test_ticked_clusters_are_exported(panel, viewer, labels, tile, click):
    tile(1, tick=True)
    tile(4, tick=True)
    assert not labels.show_selected_label
    click(panel.results.export_button)
    exported = viewer.layers[-1]
    assert isinstance(exported, Labels)
    assert exported is not labels
    kept = np.isin(labels.data, (1, 4))
    np.testing.assert_array_equal(exported.data, np.where(kept, labels.data, 0))
    assert recipe_of(exported)["chosen"] == [1, 4]
    tile(4, tick=True)
    assert panel.results.strip.clusters.ticked == [1]


def test_the_one_shown_is_exported_if_none_is_ticked(panel, viewer, tile, click):
    tile(6)
    click(panel.results.export_button)
    assert np.unique(viewer.layers[-1].data).tolist() == [0, 6]


def test_nothing_to_export(panel, viewer, click, notes):
    before = len(viewer.layers)
    click(panel.results.export_button)
    assert "tick clusters" in notes[-1].message
    assert len(viewer.layers) == before


def test_opacity_and_borders(panel, labels, tick):
    panel.results.opacity.setValue(80)
    assert labels.opacity == pytest.approx(0.8)
    tick(panel.results.borders)
    assert labels.contour == 1
    tick(panel.results.borders)
    assert labels.contour == 0


def test_a_removed_map_disturbs_nothing(panel, viewer, labels, tile, click):
    viewer.layers.remove(labels)
    tile(1)
    tile(2, CONTROL)
    click(panel.results.export_button)
    assert np.unique(viewer.layers[-1].data).tolist() == [0, 1]
    assert len(texts(panel)) == 5


def test_the_table_needs_a_map(panel, viewer, labels, click, notes):
    viewer.layers.remove(labels)
    click(panel.results.table_button)
    assert "no cluster map" in notes[-1].message
