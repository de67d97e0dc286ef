"""Arrows go one way, and what needs no GUI imports none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_import_contracts_hold():
    # lint-imports reads pyproject.toml of the folder that it runs in
    run = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as l; l()"]
    result = subprocess.run(run, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def test_core_files_batch_and_commands_import_without_napari_and_qt():
    code = """
import importlib, pkgutil, sys
for name in ("napari", "qtpy", "magicgui", "superqt", "PyQt5", "PyQt6", "PySide6"):
    sys.modules[name] = None
import napari_localdisc
PARTS = (
    "core", "io", "cli", "batch", "crew", "keeping", "segmenting", "clustering", "evaluation",
    "encoder_training", "probing",
    "transferring",
)
for part in PARTS:
    module = importlib.import_module(f"napari_localdisc.{part}")
    for found in pkgutil.walk_packages(getattr(module, "__path__", []), f"{module.__name__}."):
        importlib.import_module(found.name)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
