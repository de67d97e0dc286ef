from __future__ import annotations

import numpy as np
import pytest

from napari_localdisc.core.priors import Prior
from napari_localdisc.io.overview import COLOURS
from napari_localdisc.widgets._thumbnails import COLUMNS, TILE, Thumbnails, contact_sheet


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
    assert thumbnails.pixmap().width() == contact_sheet(prior(3)).shape[1]
    thumbnails.show_prior(None)
    assert thumbnails.isHidden()
