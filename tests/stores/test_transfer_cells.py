from __future__ import annotations

import json
from dataclasses import replace

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.evaluation.transfer_table import Cell, CellScore
from napari_localdisc.stores.transfer_cells import CellStore

SETTINGS = {"steps": 10, "canvas of drive": 512}
SCORE = CellScore(Cell("ours", "drive", 5, 1), 5, 0.75, 0.125, 20, 3.5, "cpu")


def test_what_is_done_is_there_again(tmp_path):
    whole = replace(SCORE, cell=Cell("random, grey", "drive", None, 0), images=20)
    store = CellStore(tmp_path / "new", SETTINGS)
    assert not (tmp_path / "new").exists()
    for score in (SCORE, whole):
        store.add(score)
    again = CellStore(tmp_path / "new", SETTINGS)
    assert again.scores == (SCORE, whole)
    assert whole.cell in again
    assert Cell("ours", "drive", 5, 2) not in again


def test_every_cell_is_stored_at_once(tmp_path):
    store = CellStore(tmp_path, SETTINGS)
    store.add(SCORE)
    lines = (tmp_path / "cells.csv").read_text().splitlines()
    assert lines == [
        "set,init,labels,seed,images,dice,std,test_images,seconds,device",
        "drive,ours,5,1,5,0.750000,0.125000,20,3.5,cpu",
    ]
    content = json.loads((tmp_path / "settings.json").read_text())
    assert content["settings"] == SETTINGS
    assert "torch" in content["versions"]


def test_other_settings_are_refused_and_named(tmp_path):
    CellStore(tmp_path, SETTINGS).add(SCORE)
    with pytest.raises(LocaldiscError) as caught:
        CellStore(tmp_path, {**SETTINGS, "steps": 20, "canvas of lungs": 256})
    assert "made with other settings (steps 10 there and 20 here); give" in str(caught.value)


def test_more_sets_are_added(tmp_path):
    CellStore(tmp_path, SETTINGS).add(SCORE)
    wider = CellStore(tmp_path, {"steps": 10, "canvas of lungs": 256})
    wider.add(replace(SCORE, cell=Cell("ours", "lungs", 5, 1)))
    stored = json.loads((tmp_path / "settings.json").read_text())["settings"]
    assert stored == {**SETTINGS, "canvas of lungs": 256}
    assert len(CellStore(tmp_path, SETTINGS).scores) == 2


@pytest.mark.parametrize("name", ["cells.csv", "settings.json"])
def test_damaged_files_are_named(tmp_path, name):
    CellStore(tmp_path, SETTINGS).add(SCORE)
    (tmp_path / name).write_text("set,init\nx,y\n")
    with pytest.raises(LocaldiscError, match=rf"{name} cannot be read"):
        CellStore(tmp_path, SETTINGS)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").touch()
    with pytest.raises(LocaldiscError, match="is a file; name a folder"):
        CellStore(tmp_path / "out", SETTINGS)
