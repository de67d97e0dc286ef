"""What an installation brings: no GUI without an extra, and all that is imported."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "napari_localdisc"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = PROJECT["optional-dependencies"]
WINDOW = {"viewer", "widgets"}
GUI = {"napari", "magicgui", "psygnal", "qtpy", "superqt", "vispy", "pyqt5", "pyqt6", "pyside6"}


def names_of(requirements: Iterable[str]) -> set[str]:
    """Names of the packages that requirements are for."""
    return {re.split(r"[\[<>=~! ]", line)[0].lower().replace("_", "-") for line in requirements}


def imported(in_window: bool) -> set[str]:
    """Packages that are imported by what belongs to the window, or by all else."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if (path.relative_to(PACKAGE).parts[0] in WINDOW) is not in_window:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found.add(node.module.split(".")[0])
    homes = packages_distributions()
    foreign = found - sys.stdlib_module_names - {PACKAGE.name, "imagecodecs"}
    return {homes[name][0].lower().replace("_", "-") for name in foreign}


def test_no_extra_no_gui():
    plain = names_of(PROJECT["dependencies"])
    assert not plain & GUI


def test_what_is_imported_without_a_window_is_installed_with_the_package_or_an_extra():
    others = names_of([*EXTRAS["medical"], *EXTRAS["cluster"]])
    assert imported(in_window=False) <= names_of(PROJECT["dependencies"]) | others


def test_panels_need_no_more_than_napari_brings_and_a_plain_installation():
    brought = names_of(line for line in requires("napari") or () if "extra ==" not in line)
    assert imported(in_window=True) <= names_of(PROJECT["dependencies"]) | brought | {"napari"}
    assert names_of(EXTRAS["napari"]) <= brought | {"napari"}


@pytest.mark.parametrize("qt", ["pyqt5", "pyqt6"])
def test_each_qt_brings_what_panels_need(qt: str):
    assert "napari-localdisc[napari]" in EXTRAS[qt]
    assert qt in names_of(EXTRAS[qt])


def test_the_command_line_works_where_no_gui_is_installed(tmp_path: Path):
    code = (
        "import runpy, sys; sys.modules.update(dict.fromkeys(sys.argv.pop(1).split()));"
        "runpy.run_module('napari_localdisc', run_name='__main__')"
    )
    hidden = " ".join([*GUI, "npe2", "pyqtgraph", "PyQt5", "PyQt6", "PySide6"])
    image = ROOT / "sample_data" / "chest-xray" / "xray-1.png"
    command = ["segment", image, "-o", tmp_path / "out", "--segmenter", "lungs", "-q"]
    run = subprocess.run(
        [sys.executable, "-c", code, hidden, *map(str, command)], capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert (tmp_path / "out" / "xray-1.png").is_file()
