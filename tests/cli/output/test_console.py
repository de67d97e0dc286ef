"""What a run says where there is no terminal, and in its log."""

from __future__ import annotations

import logging
import os
import pty
import re
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress
from napari_localdisc.cli.output import console
from napari_localdisc.cli.output.console import Reporter


def run_of(*events: Progress):
    yield from events
    return "result"


READ = Progress("read", 1, 4, "a.png")
NOTE = Progress("note", 1, 1, "encoder: tiny")


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of progress come with every event."""
    monkeypatch.setattr(console, "EVERY", 0.0)


def logged(path: Path) -> list[str]:
    return [line.split("  ", 1)[1] for line in path.read_text("utf-8").splitlines()]


def test_lines_and_notes_come_while_it_runs(capfd, at_once):
    with Reporter() as reporter:
        assert reporter.follow(run_of(NOTE, READ, NOTE)) == "result"
        shown = capfd.readouterr().err
    assert shown.splitlines() == ["encoder: tiny", "Reading 1/4: a.png", "encoder: tiny"]
    assert capfd.readouterr().err == ""


def test_notes_before_the_first_line_are_dropped_by_an_error(capfd, tmp_path: Path):
    log = tmp_path / "run.log"
    reporter = Reporter(log=log, heading="napari-localdisc guide")
    with pytest.raises(LocaldiscError), reporter:
        reporter.follow(run_of(NOTE, READ))
        raise LocaldiscError("no good.")
    assert capfd.readouterr().err == ""
    assert logged(log) == ["napari-localdisc guide", "encoder: tiny", "error: no good."]


def test_notes_are_kept_where_it_is_interrupted(capfd):
    with pytest.raises(KeyboardInterrupt), Reporter() as reporter:
        reporter.say("go on with --resume")
        raise KeyboardInterrupt
    assert capfd.readouterr().err == "go on with --resume\n"


def test_quiet_shows_warnings_alone_and_the_log_gets_all(capfd, at_once, tmp_path: Path):
    warning = Progress("warn", 1, 1, "the loss rises")
    with Reporter(quiet=True, log=tmp_path / "run.log") as reporter:
        reporter.follow(run_of(NOTE, READ, warning))
    reporter.conclude("done")
    shown = capfd.readouterr()
    assert (shown.out, shown.err) == ("", "the loss rises\n")
    assert logged(tmp_path / "run.log") == [
        "encoder: tiny",
        "Reading 1/4: a.png",
        "the loss rises",
        "done",
    ]


def test_libraries_and_timings_speak_where_that_is_asked_for(capfd):
    def run():
        yield READ
        warnings.warn("an odd header", UserWarning, stacklevel=1)
        logging.getLogger("nibabel").error("an odd offset")
        yield Progress("segment", 1, 1)

    def told(verbose: bool) -> list[str]:
        level = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Reporter(verbose=verbose) as reporter:
                reporter.follow(run())
        assert logging.root.manager.disable == logging.CRITICAL
        logging.disable(level)
        return re.sub(r"[\d.]+ s", "N s", capfd.readouterr().err).splitlines()

    assert told(verbose=False) == []
    assert told(verbose=True) == [
        "UserWarning: an odd header",
        "nibabel: an odd offset",
        "Reading took N s",
        "Segmenting took N s",
    ]


def test_threads_write_whole_lines(tmp_path: Path, capfd):
    log = tmp_path / "run.log"
    with Reporter(log=log) as reporter:
        threads = [
            threading.Thread(target=lambda: [reporter.say("word " * 40) for _ in range(50)])
            for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    capfd.readouterr()
    assert logged(log) == [("word " * 40).strip()] * 200


def test_a_full_disk_ends_the_log_and_not_the_run(capfd, tmp_path: Path):
    log = tmp_path / "logs" / "run.log"
    log.parent.mkdir()
    with Reporter(log=log, heading="begun") as reporter:
        log.unlink()
        log.parent.rmdir()
        assert reporter.follow(run_of(NOTE, NOTE)) == "result"
    lines = capfd.readouterr().err.splitlines()
    assert lines[0] == lines[2] == "encoder: tiny"
    assert lines[1].startswith("the log ends here: cannot write")


def test_file_names_do_not_steer_a_terminal(capfd, at_once):
    with Reporter() as reporter:
        reporter.follow(run_of(Progress("read", 1, 2, "a\x1b[2J.png")))
    assert "\x1b" not in capfd.readouterr().err


def test_a_terminal_gets_bars():
    code = """
from napari_localdisc.base.progress import Progress
from napari_localdisc.cli.output.console import Reporter
def run():
    yield Progress("read", 1, 4)
with Reporter() as reporter:
    reporter.follow(run())
"""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen([sys.executable, "-c", code], stderr=slave, env=environment)
    os.close(slave)
    shown = b""
    while process.poll() is None or b"Reading" not in shown:
        try:
            shown += os.read(master, 4096)
        except OSError:  # the other end is closed
            break
    process.wait()
    os.close(master)
    assert "━".encode() in shown
    assert b"1/4" in shown
