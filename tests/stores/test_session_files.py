from __future__ import annotations

import io
import json
import tracemalloc
import zipfile

import numpy as np
import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.core.guidance.guidance import guide
from napari_localdisc.core.phantoms import xray_phantom
from napari_localdisc.core.priors import simulate
from napari_localdisc.stores.segmenters import segmenter_file
from napari_localdisc.stores.session_files import (
    Drawing,
    ImageRecord,
    LabelsRecord,
    Place,
    SavedSession,
    SessionRecord,
    ShapesRecord,
    read_session,
    write_session,
)
from tests.conftest import tiny_encoder

PLACE = Place(
    scale=(0.5, 0.5),
    translate=(3, 4),
    rotate=((1, 0), (0, 1)),
    shear=(0.1,),
    affine=((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    units=("millimeter", "millimeter"),
    axis_labels=("y", "x"),
)


@pytest.fixture
def saved(effort):
    prior = simulate("lungs", 3)
    image = xray_phantom(0, 64).image
    segmenter = drain(guide([image], prior, tiny_encoder(), effort)).segmenter
    labels = LabelsRecord(name="lungs", opacity=0.5, place=PLACE, recipe={"seed": 3})
    ellipse = Drawing(kind="ellipse", corners=((0, 0), (0, 4), (4, 4), (4, 0)), target="disc")
    record = SessionRecord(
        encoder="fundus",
        seed=7,
        images=(ImageRecord(name="chest", path="/x/1.png", nth=0, sha256="ab", place=PLACE),),
        labels=(labels,),
        drawings=(ShapesRecord(name="drawn", place=PLACE, shapes=(ellipse,)),),
    )
    return SavedSession(record, prior, segmenter_file(segmenter), [segmenter.segment(image).labels])


@pytest.fixture
def path(saved, tmp_path):
    write_session(saved, tmp_path / "one.localdisc")
    return tmp_path / "one.localdisc"


def test_comes_back_as_it_was(saved, path):
    back = read_session(path)
    assert back.record == saved.record
    assert back.prior.targets == saved.prior.targets
    np.testing.assert_array_equal(back.prior.masks, saved.prior.masks)
    np.testing.assert_array_equal(back.maps[0], saved.maps[0])
    assert back.segmenter.content == saved.segmenter.content
    assert back.segmenter.card == saved.segmenter.card


def test_an_empty_session(tmp_path):
    write_session(SavedSession(SessionRecord()), tmp_path / "none.localdisc")
    back = read_session(tmp_path / "none.localdisc")
    assert back.prior is back.segmenter is None
    assert list(back.maps) == []


def test_anybody_can_look_into_it(path):
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("session.json"))["seed"] == 7
        assert archive.testzip() is None


@pytest.mark.parametrize("cut", [0, 1, 30, 1000, -1, -30])
def test_truncated(path, cut):
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(LocaldiscError, match="not a readable session"):
        read_session(path)


def test_missing(tmp_path):
    with pytest.raises(LocaldiscError, match="does not exist"):
        read_session(tmp_path / "none.localdisc")


def rewritten(path, name, content):
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    parts[name] = content
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, data in parts.items():
            archive.writestr(part, data)


@pytest.mark.parametrize(
    ("name", "content", "match"),
    [
        ("session.json", b"{}{", "does not hold what it should"),
        ("session.json", b'{"seed": -1}', "'seed'"),
        ("session.json", b'{"unknown": 1}', "'unknown'"),
        ("prior.safetensors", b"junk", "not a readable prior"),
        ("segmenter.safetensors", b"junk", "not a readable segmenter"),
        ("labels/0.npy", b"junk", "not a readable session"),
    ],
)
def test_bad_parts(path, name, content, match):
    rewritten(path, name, content)
    with pytest.raises(LocaldiscError, match=match):
        read_session(path)


def test_objects_are_not_unpickled(path, tmp_path):
    trap = np.array([tmp_path], dtype=object)
    np.save(tmp_path / "trap.npy", trap, allow_pickle=True)
    rewritten(path, "labels/0.npy", (tmp_path / "trap.npy").read_bytes())
    with pytest.raises(LocaldiscError, match="not a readable session"):
        read_session(path)


def test_a_long_record_is_refused_unopened(path):
    rewritten(path, "session.json", b" " * (2**24 + 1))
    with pytest.raises(LocaldiscError, match=r"session.json that unpacks to 16777217 bytes"):
        read_session(path)


def test_parts_that_are_too_large_together_take_no_memory(path):
    size = path.stat().st_size
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for number in range(4):
            with archive.open(f"labels/{number + 1}.npy", "w") as file:
                for _ in range(160):
                    file.write(bytes(2**20))
    assert path.stat().st_size - size < 2**20
    tracemalloc.start()
    with pytest.raises(LocaldiscError, match=r"unpacks to \d+ bytes, more than the limit of 6000"):
        read_session(path)
    assert tracemalloc.get_traced_memory()[1] < 2**22
    tracemalloc.stop()


def test_the_limit_may_be_raised(path, monkeypatch):
    monkeypatch.setenv("LOCALDISC_MAX_PIXELS", "1000")
    with pytest.raises(LocaldiscError, match=r"set LOCALDISC_MAX_PIXELS=\d+"):
        read_session(path)
    monkeypatch.setenv("LOCALDISC_MAX_PIXELS", "1000000")
    assert read_session(path).record.seed == 7


@pytest.mark.parametrize(
    "array",
    [np.zeros((9, 9)), np.array([[True, False]]), np.asfortranarray(np.arange(12).reshape(3, 4))],
)
def test_label_maps_of_other_kinds(path, tmp_path, array):
    np.save(tmp_path / "map.npy", array)
    rewritten(path, "labels/0.npy", (tmp_path / "map.npy").read_bytes())
    if array.dtype.kind == "f":
        with pytest.raises(LocaldiscError, match="whole numbers that it says"):
            read_session(path)
    else:
        np.testing.assert_array_equal(read_session(path).maps[0], array)
        assert read_session(path).maps[0].flags.writeable


@pytest.mark.parametrize(
    "shape", ["(9, 9", "(9L, (9", "(0, 1" + "0" * 40 + ")", "(-9, -9)", "(9, 9)]", "\\0"]
)
def test_a_map_whose_header_is_damaged(path, shape):
    header = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head = b"\x93NUMPY\x01\x00" + (118).to_bytes(2, "little") + header.ljust(117) + b"\n"
    rewritten(path, "labels/0.npy", head + bytes(0 if "0000" in shape else 81))
    with pytest.raises(LocaldiscError, match="not a readable session"):
        read_session(path)


def test_a_map_that_says_it_is_huge(path):
    head = {"descr": "|u1", "fortran_order": False, "shape": (2**40, 2**20)}
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, head)
    rewritten(path, "labels/0.npy", content.getvalue() + bytes(10))
    with pytest.raises(LocaldiscError, match="whole numbers that it says"):
        read_session(path)


def test_wide_numbers_are_stored_narrow(saved, tmp_path):
    wide = saved.maps[0].astype(np.int64)
    write_session(SavedSession(saved.record, maps=[wide]), tmp_path / "a.localdisc")
    back = read_session(tmp_path / "a.localdisc").maps[0]
    assert back.dtype == np.uint8
    np.testing.assert_array_equal(back, wide)


def test_what_is_beside_the_parts_is_never_written_anywhere(path, tmp_path):
    rewritten(path, "../../escaped.txt", b"x")
    read_session(path)
    assert {file.name for file in tmp_path.iterdir()} == {path.name}


def test_a_failed_write_leaves_the_old_one(saved, path, monkeypatch):
    before = path.read_bytes()
    monkeypatch.setattr(zipfile.ZipFile, "writestr", _full_disk)
    with pytest.raises(LocaldiscError, match="free some space"):
        write_session(saved, path)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def _full_disk(*_):
    raise OSError(28, "No space left on device")


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (8, 1),  # flags: encrypted
        (10, 97),  # method: one that nobody knows
    ],
)
def test_archives_of_another_kind(path, at, value):
    content = bytearray(path.read_bytes())
    entry = content.index(b"PK\x01\x02")
    content[entry + at] = value
    content[at - 2] = value
    path.write_bytes(content)
    with pytest.raises(LocaldiscError, match="not a readable session"):
        read_session(path)


@pytest.mark.parametrize("where", range(40, 400, 20))
def test_damaged_in_the_middle(path, where):
    content = bytearray(path.read_bytes())
    content[where] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(LocaldiscError):
        read_session(path)
