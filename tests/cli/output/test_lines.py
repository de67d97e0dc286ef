from __future__ import annotations

from pathlib import Path

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress
from napari_localdisc.cli.output.lines import LogFile, ProgressLines


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_line_comes_every_few_seconds_with_stage_step_figure_and_time_left(clock):
    lines = ProgressLines(5, clock)
    seen = []
    for step in range(1, 21):
        lines.follow(Progress("refine", step, 40, values={"loss": 1 / step}))
        seen.append(lines.due())
        clock.now += 1
    assert [line for line in seen if line] == [
        "Refining 6/40, 0:00:34 left: loss 0.167",
        "Refining 11/40, 0:00:29 left: loss 0.0909",
        "Refining 16/40, 0:00:24 left: loss 0.0625",
    ]


def test_what_the_message_says_is_not_said_twice(clock):
    lines = ProgressLines(0, clock)
    lines.follow(Progress("search", 0, 9, "KL 1.3", {"kl": 1.3}))
    assert lines.due() == "Searching 0/9: KL 1.3"
    lines.follow(Progress("segment", 3, 9, "a.png"))
    assert lines.due() == "Segmenting 3/9: a.png"


def test_stages_are_timed(clock):
    lines = ProgressLines(5, clock)
    assert lines.follow(Progress("read", 1, 2)) == ""
    clock.now += 2
    assert lines.follow(Progress("read", 2, 2)) == ""
    assert lines.follow(Progress("embed", 1, 2)) == "Reading took 2.0 s"
    clock.now += 1
    assert lines.follow(Progress("embed", 1, 2)) == ""
    assert lines.follow(Progress("embed", 0, 2)) == "Embedding took 1.0 s"  # begun anew
    assert lines.end() == "Embedding took 0.0 s"
    assert lines.end() == ""


def test_the_log_gets_whole_lines_with_their_time(tmp_path: Path):
    path = tmp_path / "run.log"
    path.write_text("of an earlier run\n")
    log = LogFile(path)
    log.write("Reading 1/2:\n a.png")
    first, second = path.read_text().splitlines()
    assert first == "of an earlier run"
    stamp, text = second.split("  ")
    assert text == "Reading 1/2: a.png"
    assert stamp[4] == stamp[7] == "-"
    path.unlink()  # as a rotation does
    log.write("more")
    assert path.read_text().endswith("more\n")


def test_a_log_that_cannot_be_written_is_one_sentence(tmp_path: Path):
    with pytest.raises(LocaldiscError, match="cannot write"):
        LogFile(tmp_path / "nowhere" / "run.log").write("a line")
