from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from napari_localdisc.base.errors import LocaldiscError, OutputLostError
from napari_localdisc.batch import journal as journal_module
from napari_localdisc.batch.journal import Journal
from napari_localdisc.batch.journal_record import JOURNAL, read_journal
from napari_localdisc.files.fingerprint import Fingerprint
from napari_localdisc.reports.report import FileResult
from tests.conftest import little_space

RECIPE = {"segmenter": "a1", "device": "cpu"}


def _write(output: Path, *names: str, recipe=RECIPE, **options) -> None:
    with Journal(output, recipe, **options) as journal:
        for name in names:
            mark = Fingerprint(1, 2, "abc")
            path = output / f"{name}.png"
            journal.begin([path.name])
            areas = {"lungs": 5}
            result = FileResult(Path(f"in/{name}.jpg"), path, "done", 0.25, 5, 0.5, areas=areas)
            journal.finish(name, mark, result)


def test_what_is_written_is_read(tmp_path: Path):
    _write(tmp_path / "out", "a", "sub/b")
    record = read_journal(tmp_path / "out")
    assert record.recipe == RECIPE
    assert record.known == {"a.png", "b.png"}
    assert record.done["a"].mark == Fingerprint(1, 2, "abc")
    assert record.done["a"].result.output == tmp_path / "out" / "a.png"
    assert record.done["sub/b"].result.output == tmp_path / "out" / "sub" / "b.png"
    assert record.done["a"].result.areas == {"lungs": 5}


@pytest.mark.parametrize("torn", [b"", b'{"done": "c", "inp', b"\0" * 300, b'{"begin": ["x.png"]'])
def test_a_torn_end_is_cut_off(tmp_path: Path, torn: bytes):
    _write(tmp_path, "a")
    with (tmp_path / JOURNAL).open("ab") as file:
        file.write(torn)
    _write(tmp_path, "b")
    assert set(read_journal(tmp_path).done) == {"a", "b"}
    lines = (tmp_path / JOURNAL).read_text().splitlines()
    assert all(json.loads(line) for line in lines)


@pytest.mark.parametrize("length", [0, 1, 20, 40])
def test_a_journal_torn_in_its_first_line_is_begun_again(tmp_path: Path, length: int):
    _write(tmp_path, "a")
    whole = (tmp_path / JOURNAL).read_bytes()
    (tmp_path / JOURNAL).write_bytes(whole[:length])
    _write(tmp_path, "a")
    assert (tmp_path / JOURNAL).read_bytes() == whole


def test_a_damaged_line_is_as_if_it_had_not_been(tmp_path: Path):
    _write(tmp_path, "a", "b")
    lines = (tmp_path / JOURNAL).read_text().splitlines()
    lines[2] = lines[2][:-9]
    (tmp_path / JOURNAL).write_text("\n".join(lines) + "\n")
    assert set(read_journal(tmp_path).done) == {"b"}


def test_another_recipe_is_refused_and_the_difference_told(tmp_path: Path):
    _write(tmp_path, "a")
    with pytest.raises(
        LocaldiscError, match=r"\(device cpu there and cuda here\); name another.*--overwrite"
    ):
        _write(tmp_path, "a", recipe={**RECIPE, "device": "cuda"})
    assert set(read_journal(tmp_path).done) == {"a"}


def test_overwriting_forgets_what_was_done_but_not_whose_it_is(tmp_path: Path):
    _write(tmp_path, "a", "b")
    (tmp_path / "b.png").touch()
    other = {**RECIPE, "device": "cuda"}
    _write(tmp_path, "a", recipe=other, overwrite=True)
    assert set(read_journal(tmp_path).done) == {"a"}
    _write(tmp_path, "b", recipe=other)
    assert set(read_journal(tmp_path).done) == {"a", "b"}


def test_a_file_that_no_run_announced_is_refused_at_any_time(tmp_path: Path):
    with Journal(tmp_path, RECIPE) as journal:
        journal.begin(["a.png"])
        (tmp_path / "a.png").touch()
        (tmp_path / "b.png").touch()
        journal.begin(["a.png"])
        with pytest.raises(LocaldiscError, match=r"b\.png would be replaced"):
            journal.begin(["b.png"])


def test_two_runs_do_not_share_a_folder(tmp_path: Path):
    _write(tmp_path, "a")
    other_run = pytest.raises(LocaldiscError, match="another run is writing")
    with Journal(tmp_path, RECIPE), other_run:
        _write(tmp_path, "b")
    _write(tmp_path, "b")


def test_a_journal_of_another_program_is_left_alone(tmp_path: Path):
    (tmp_path / JOURNAL).write_text("mine")
    with pytest.raises(LocaldiscError, match="is no journal of napari-localdisc"):
        _write(tmp_path, "a")
    assert (tmp_path / JOURNAL).read_text() == "mine"


def test_what_a_kill_left_of_our_files_is_swept_and_nothing_else(tmp_path: Path):
    long = "n" * 200
    _write(tmp_path, "a", long)
    ours = [".a.png.abcd_123.part.png", f".{long[:40]}.abcdefg1.part.png"]
    others = [".b.png.abcd_123.part.png", ".a.png.part", "a.png.abcd_123.part.png", ".hidden"]
    for name in (*ours, *others):
        (tmp_path / name).touch()
    with Journal(tmp_path, RECIPE):
        assert {path.name for path in tmp_path.iterdir()} == {JOURNAL, *others}


def test_a_run_that_did_nothing_leaves_no_journal(tmp_path: Path):
    (tmp_path / "there").mkdir()
    for folder in (tmp_path / "new" / "deep", tmp_path / "there"):
        with Journal(folder, RECIPE) as journal:
            journal.begin(["a.png"])
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert not list((tmp_path / "there").iterdir())


def test_a_full_disk_leaves_whole_lines(tmp_path: Path):
    _write(tmp_path, "a")
    before = (tmp_path / JOURNAL).read_bytes()
    with little_space(len(before) + 20), pytest.raises(OutputLostError, match="free some space"):
        _write(tmp_path, "b")
    assert (tmp_path / JOURNAL).read_bytes() == before


def test_every_line_is_on_the_disk_before_the_next(tmp_path: Path, monkeypatch):
    events = []
    real_write, real_sync = os.write, os.fsync
    monkeypatch.setattr(
        journal_module.os, "write", lambda *args: (events.append("write"), real_write(*args))[1]
    )
    monkeypatch.setattr(
        journal_module.os, "fsync", lambda handle: (events.append("sync"), real_sync(handle))[1]
    )
    with Journal(tmp_path, RECIPE) as journal:
        journal.begin(["a.png"])
        journal.begin(["b.png"])
        journal.guide({}, "", [])
    written = "".join(event[0] for event in events).rstrip("s")
    assert "ww" not in written
    assert written.count("w") == 4
