"""Long names of images: the patient's number, at their end, can be read in every list."""

import numpy as np
import pytest
from napari.layers import Image
from qtpy.QtCore import Qt

from napari_localdisc.reports.report import FileResult
from napari_localdisc.viewer.layers import all_planes
from napari_localdisc.widgets.parts._image_list import ImageList
from napari_localdisc.widgets.parts._panel import Panel
from napari_localdisc.widgets.parts._results_table import ResultsTable
from napari_localdisc.widgets.parts._review import Reviewed, ReviewTable

NAME = "a-chest-film-of-a-hospital-with-a-long-name-patient-0017"


@pytest.fixture
def image(viewer):
    return viewer.add_layer(Image(np.zeros((4, 4)), name=NAME))


def listed_image(viewer, image, open_panel, tmp_path):
    return ImageList(Panel(viewer, ""))


def reviewed(viewer, image, open_panel, tmp_path):
    review = ReviewTable()
    (plane,) = all_planes(image)
    review.fill([Reviewed(plane, 0.5), Reviewed(plane, 0.9)])
    return review


def file(viewer, image, open_panel, tmp_path):
    table = ResultsTable()
    path = tmp_path / f"{NAME}.png"
    table.results.begin([path])
    table.results.take([FileResult(path, path, "done", 0.1, 3, 0.5)])
    return table


@pytest.mark.parametrize("make", [listed_image, reviewed, file])
def test_the_end_of_a_name_is_shown_and_all_of_it_on_hovering(
    qtbot, viewer, image, open_panel, tmp_path, make
):
    view = make(viewer, image, open_panel, tmp_path)
    qtbot.addWidget(view)
    index = view.model().index(0, 0)
    shown = view.fontMetrics().elidedText(index.data(), view.textElideMode(), 120)
    assert shown != index.data()
    assert "17" in shown[-6:]
    assert NAME in index.data(Qt.ItemDataRole.ToolTipRole)
