"""Names and places: what a folder can hold besides good files."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import PIL.Image

from tests.corpus.case import Case, picture, truth_of

TRUTH = truth_of(picture())
GREY = PIL.Image.fromarray(picture())


def _named(name: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        GREY.save(folder / name, "PNG")
        return folder / name

    return make


def _linked(folder: Path) -> Path:
    (folder / "else").mkdir()
    GREY.save(folder / "else" / "real.png")
    (folder / "a.png").symlink_to(folder / "else" / "real.png")
    return folder / "a.png"


def _loop(folder: Path) -> Path:
    (folder / "a.png").symlink_to(folder / "b.png")
    (folder / "b.png").symlink_to(folder / "a.png")
    return folder / "a.png"


def _dangling(folder: Path) -> Path:
    (folder / "a.png").symlink_to(folder / "gone.png")
    return folder / "a.png"


def _directory(folder: Path) -> Path:
    (folder / "a.png").mkdir()
    return folder / "a.png"


def _pipe(folder: Path) -> Path:
    os.mkfifo(folder / "a.png")
    return folder / "a.png"


def _device(folder: Path) -> Path:
    (folder / "a.png").symlink_to("/dev/zero")
    return folder / "a.png"


def _bytes_name(folder: Path) -> Path:
    path = folder / os.fsdecode(b"caf\xe9.png")
    GREY.save(path)
    return path


PLACES: dict[str, Case] = {
    "name in unicode": Case(_named("Ärztin 日本語 🫁 é.png"), TRUTH),
    "name decomposed": Case(_named("é.png"), TRUTH),
    "name right to left": Case(_named("صورة.png"), TRUTH),
    "name not utf-8": Case(_bytes_name, TRUTH),
    "name with spaces": Case(_named("  a  b .png"), TRUTH),
    "name with a line break": Case(_named("a\nb.png"), TRUTH),
    "name with an escape": Case(_named("a\x1b[31mb.png"), TRUTH),
    "name with brackets": Case(_named("[bold]a[red].png"), TRUTH),
    "name like an option": Case(_named("--output.png"), TRUTH),
    "name with quotes": Case(_named("a\"'`$(b);&|<>*?.png"), TRUTH),
    "name very long": Case(_named("x" * 200 + ".png"), TRUTH),
    "name as long as can be": Case(_named("x" * 251 + ".png"), TRUTH),
    "name with many dots": Case(_named("a..b...png"), TRUTH),
    "name of a run's own file": Case(_named("overview.png"), TRUTH),
    "link": Case(_linked, TRUTH),
    "link in a loop": Case(_loop, says="a.png"),
    "link to nothing": Case(_dangling, says="a.png"),
    "link to a device": Case(_device, says="not a file"),
    "folder named png": Case(_directory, says="not a file"),
    "pipe": Case(_pipe, says="not a file"),
}
