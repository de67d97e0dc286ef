from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from napari_localdisc.cli import main
from napari_localdisc.cli.output import console


@dataclass(frozen=True)
class Outcome:
    """What a command returned and printed."""

    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def _no_lines_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed does not depend on how busy the machine is."""
    monkeypatch.setattr(console, "EVERY", 1e6)


@pytest.fixture
def command(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run a command line in this process."""

    def run(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = main([str(argument) for argument in arguments])
        return Outcome(code, *capfd.readouterr())

    return run
