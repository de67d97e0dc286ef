from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import PIL.Image
import pytest

from napari_localdisc.core.priors import simulate
from napari_localdisc.stores.segmenter_files import SegmenterFile
from napari_localdisc.stores.segmenters import load_segmenter
from napari_localdisc.stores.session_files import (
    ImageRecord,
    Place,
    SavedSession,
    SessionRecord,
    write_session,
)

PLACE = Place(
    scale=(1, 1),
    translate=(0, 0),
    rotate=((1, 0), (0, 1)),
    shear=(0,),
    affine=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    units=("pixel", "pixel"),
    axis_labels=("-2", "-1"),
)


@pytest.fixture
def record(xray_files, encoder_file):
    images = tuple(
        ImageRecord(
            name=path.stem,
            path=str(path),
            nth=0,
            sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            place=PLACE,
        )
        for path in xray_files
    )
    return SessionRecord(encoder=str(encoder_file), device="cpu", seed=3, quick=True, images=images)


def test_by_the_segmenter_of_the_session(
    command, record, segmenter_file, xray_files, tmp_path: Path
):
    segmenter = load_segmenter(segmenter_file)
    write_session(
        SavedSession(record, segmenter=SegmenterFile.read(segmenter_file)), tmp_path / "a.localdisc"
    )
    line = ["run", tmp_path / "a.localdisc", "-o", tmp_path / "out", "--also", "geojson"]
    result = command(*line)
    assert result.code == 0
    assert "3 of 3 images done" in result.out
    assert "3 by an earlier run" in command(*line).out
    assert len(list((tmp_path / "out" / "also" / "geojson").iterdir())) == 3
    for path in xray_files:
        wanted = segmenter.segment(np.asarray(PIL.Image.open(path))).labels * 255
        np.testing.assert_array_equal(PIL.Image.open(tmp_path / "out" / path.name), wanted)


def test_without_a_segmenter_the_prior_guides(command, record, tmp_path: Path):
    session = tmp_path / "a.localdisc"
    write_session(SavedSession(record, simulate("lungs", 4, size=64)), session)
    result = command("run", session, "-o", tmp_path / "out")
    assert result.code == 0
    assert "encoder: tiny (phantoms)" in result.err
    recipe = json.loads((tmp_path / "out" / "recipe.json").read_text("utf-8"))
    assert recipe["run"]["session"] == str(session)
    assert recipe["segmenter"]["guidance"]["seed"] == 3
    assert recipe["segmenter"]["references"] == 4


def test_what_is_gone_or_changed_is_named(
    command, record, segmenter_file, xray_files, tmp_path: Path
):
    saved = SavedSession(record, segmenter=SegmenterFile.read(segmenter_file))
    write_session(saved, tmp_path / "a.localdisc")
    xray_files[0].unlink()
    xray_files[2].replace(xray_files[1])
    result = command("run", tmp_path / "a.localdisc", "-o", tmp_path / "out")
    assert result.code == 1
    assert "1 of 1 images done" in result.out
    assert f"image {xray_files[0]} of session a.localdisc is gone" in result.err
    assert f"image {xray_files[1]} has changed" in result.err


def test_no_image_is_left(command, record, xray_files, tmp_path: Path):
    write_session(SavedSession(record), tmp_path / "a.localdisc")
    for path in xray_files:
        path.unlink()
    result = command("run", tmp_path / "a.localdisc", "-o", tmp_path / "out")
    assert result.code == 2
    assert "has no image that is where it was" in result.err
    assert not (tmp_path / "out").exists()


def test_no_session(command, tmp_path: Path):
    (tmp_path / "a.localdisc").write_text("nothing")
    result = command("run", tmp_path / "a.localdisc", "-o", tmp_path / "out")
    assert result.code == 2
    assert "not a readable session" in result.err
