"""Journals that somebody else wrote: nothing outside of the folder of results is touched."""

from __future__ import annotations

import json
import os

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.batch.journal import Journal
from napari_localdisc.batch.journal_record import read_journal
from napari_localdisc.files.naming import JOURNAL

RECIPE = {"stage": "segment"}


@pytest.fixture
def output(tmp_path):
    output = tmp_path / "results"
    output.mkdir()
    return output


@pytest.fixture
def write(output):
    def write(*lines):
        first = json.dumps({"napari-localdisc": "results", "recipe": RECIPE})
        (output / JOURNAL).write_text("\n".join([first, *lines, ""]), encoding="utf-8")

    return write


@pytest.mark.parametrize("name", ["../mine.png", "sub/../../mine.png", "/etc/mine.png"])
def test_names_that_lead_out_are_passed_over(output, write, name):
    outside = output.parent / ".mine.png.12345678.part.png"
    outside.write_text("precious")
    content = {"path": "a", "output": name, "rows": [], "status": "done", "seconds": 1.0}
    done = {"done": "a", "input": {"size": 1, "mtime_ns": 1, "sha256": ""}, "result": content}
    write(json.dumps({"begin": [name]}), json.dumps(done))
    record = read_journal(output)
    assert record.known == set()
    assert record.done == {}
    with Journal(output, RECIPE):
        pass
    assert outside.read_text() == "precious"


def test_lines_nested_too_deeply_are_passed_over(output, write):
    write("[" * 100_000 + "]" * 100_000, json.dumps({"begin": ["a.png"]}))
    assert read_journal(output).known == {"a.png"}


def test_a_link_is_not_written_through(output):
    other = output.parent / "other.jsonl"
    other.write_text("")
    (output / JOURNAL).symlink_to(other)
    with pytest.raises(LocaldiscError, match="no plain file"), Journal(output, RECIPE):
        pass
    assert other.read_text() == ""


def test_a_pipe_is_not_waited_for(output):
    os.mkfifo(output / JOURNAL)
    with pytest.raises(LocaldiscError, match="no plain file"):
        read_journal(output)
