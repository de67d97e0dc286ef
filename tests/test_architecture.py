"""Arrows go one way, and what needs no GUI imports none."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_import_contracts_hold():
    # lint-imports reads pyproject.toml of the folder that it runs in
    run = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as l; l()"]
    result = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_what_needs_no_gui_imports_without_one():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    (contract,) = [
        one for one in contracts["contracts"] if "napari" in one.get("forbidden_modules", ())
    ]
    code = """
import importlib, pkgutil, sys
forbidden, parts = (names.split() for names in sys.argv[1:])
sys.modules.update(dict.fromkeys(forbidden))
for part in parts:
    module = importlib.import_module(part)
    for found in pkgutil.walk_packages(module.__path__, f"{part}."):
        importlib.import_module(found.name)
"""
    names = [" ".join(contract[key]) for key in ("forbidden_modules", "source_modules")]
    run = [sys.executable, "-c", code, *names]
    result = subprocess.run(run, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr


def test_rooms_and_files_stay_small_enough_to_find_something_in():
    package = ROOT / "napari_localdisc"
    rooms = {file.parent for file in package.rglob("*.py")}
    loose = [file.name for file in package.glob("*.py")]
    assert set(loose) <= {"__init__.py", "__main__.py"}
    full = {room.name: len(list(room.glob("*.py"))) for room in rooms}
    assert {name: count for name, count in full.items() if count > 18} == {}
    long = {file.name: len(file.read_text().splitlines()) for file in package.rglob("*.py")}
    assert {name: lines for name, lines in long.items() if lines > 340} == {}
