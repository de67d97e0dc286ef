from __future__ import annotations

import numpy as np
import pytest
from qtpy.QtCore import Qt

from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.reports.contact_sheet import COLOURS
from napari_localdisc.widgets.parts._thumbnails import COLUMNS, TILE, Thumbnails, contact_sheet


def prior(count):
    left, right = np.zeros((2, 64, 64), bool)
    left[:, :32], right[:, 32:] = True, True
    return Prior.from_masks([np.stack([left, right])] * count, "halves", ("left", "right"))


@pytest.mark.parametrize(("count", "rows"), [(1, 1), (COLUMNS, 1), (COLUMNS + 1, 2), (99, 2)])
def test_sheet_size(count, rows):
    height, width, channels = contact_sheet(prior(count)).shape
    assert round(height / TILE) == rows
    assert round(width / TILE) == COLUMNS
    assert channels == 4


def test_targets_have_the_colours_of_their_labels():
    sheet = contact_sheet(prior(1))
    assert tuple(sheet[TILE // 2, TILE // 4, :3]) == COLOURS[0]
    assert tuple(sheet[TILE // 2, 3 * TILE // 4, :3]) == COLOURS[1]


def test_the_label_shows_and_hides(qtbot):
    thumbnails = Thumbnails()
    qtbot.addWidget(thumbnails)
    assert thumbnails.isHidden()
    thumbnails.show_prior(prior(3))
    assert not thumbnails.isHidden()
    assert thumbnails.sheet.pixmap().width() == contact_sheet(prior(3)).shape[1]
    assert thumbnails.slider.isHidden()
    thumbnails.show_prior(None)
    assert thumbnails.isHidden()


def test_a_slider_leads_through_many(qtbot):
    thumbnails = Thumbnails()
    qtbot.addWidget(thumbnails)
    thumbnails.show_prior(prior(23))
    assert not thumbnails.slider.isHidden()
    assert thumbnails.which.text().startswith("1 to 10 of")
    assert "1 to 10 of 23" in thumbnails.sheet.toolTip()
    thumbnails.slider.setFocus()
    qtbot.keyClick(thumbnails.slider, Qt.Key.Key_End)
    assert "16 to 23 of 23" in thumbnails.sheet.toolTip()
    thumbnails.show_prior(prior(3))
    assert "1 to 3 of 3" in thumbnails.sheet.toolTip()
