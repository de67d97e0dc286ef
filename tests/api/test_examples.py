from __future__ import annotations

import doctest
import importlib
import runpy
from pathlib import Path

import pytest

import napari_localdisc

PACKAGE = Path(napari_localdisc.__file__).parent
EXAMPLES = sorted((PACKAGE.parent / "examples").glob("*.py"))


def documented() -> list[str]:
    """Modules with examples in their docstrings."""
    files = [path for path in PACKAGE.rglob("*.py") if ">>> " in path.read_text()]
    parts = [path.relative_to(PACKAGE.parent).with_suffix("").parts for path in sorted(files)]
    return [".".join(part for part in names if part != "__init__") for names in parts]


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("name", documented())
def test_examples_in_docstrings(name: str):
    outcome = doctest.testmod(importlib.import_module(name))
    assert outcome.attempted > 0
    assert outcome.failed == 0


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize("script", EXAMPLES, ids=lambda path: path.stem)
def test_example_scripts(script: Path, tmp_path: Path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    runpy.run_path(str(script), run_name="__main__")
    assert capsys.readouterr().out


def test_there_are_five_short_example_scripts_and_the_readme_lists_them():
    readme = (PACKAGE.parent / "README.md").read_text()
    assert len(EXAMPLES) >= 5
    for script in EXAMPLES:
        assert len(script.read_text().splitlines()) <= 40
        assert f"examples/{script.name}" in readme
