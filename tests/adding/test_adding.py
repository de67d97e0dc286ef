"""A format and a prior that are added as CONTRIBUTING.md says work wherever others do.

The package is copied, a module and a line each are added to the copy, and its command line runs.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import napari_localdisc
from napari_localdisc.core.phantoms import xray_phantom
from tests.adding.dummy_format import Dummy, DummyGeometry

HERE, PACKAGE = Path(__file__).parent, Path(napari_localdisc.__file__).parent


def _add_line(path: Path, before: str, line: str) -> None:
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, f"{line}\n{before}"))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a package that has a format and a prior more."""
    root = tmp_path_factory.mktemp("adding")
    copy = root / PACKAGE.name
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(HERE / "dummy_format.py", copy / "formats" / "dummy.py")
    formats = copy / "formats" / "registry.py"
    _add_line(
        formats, "from itertools import chain", "from napari_localdisc.formats.dummy import Dummy"
    )
    _add_line(formats, "    Nifti(),", "    Dummy(),")
    shutil.copy(HERE / "dummy_prior.py", copy / "core" / "priors" / "dummy.py")
    line = '    "dummy": Simulator(("square",), "dummy:simulate_dummy"),'
    _add_line(copy / "core" / "priors" / "__init__.py", '    "vessels": Simulator(', line)
    return root


@pytest.fixture
def image(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    DummyGeometry().save(xray_phantom(0, 64).image, folder / "a.dummy")
    return folder / "a.dummy"


def run(root: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line of the copy."""
    command = [sys.executable, "-m", "napari_localdisc", *map(str, arguments)]
    paths = {"PYTHONPATH": str(root), "COLUMNS": "200", "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, env={**os.environ, **paths}, cwd=root, capture_output=True, text=True, timeout=100
    )


def test_help_lists_both(root: Path):
    shown = run(root, "segment", "--help").stdout
    assert ".dummy" in shown
    assert "dummy, vessels" in shown


def test_a_folder_of_the_format_is_segmented(
    root: Path, image: Path, segmenter_file: Path, tmp_path: Path
):
    output = tmp_path / "out"
    found = run(root, "segment", image.parent, "-o", output, "--segmenter", segmenter_file)
    assert found.returncode == 0, found.stderr
    mask, _ = Dummy().read(output / "a.dummy")
    assert mask.shape == (64, 64)
    assert set(np.unique(mask)) <= {0, 255}


def test_the_prior_guides_on_the_format(
    root: Path, image: Path, encoder_file: Path, tmp_path: Path
):
    options = ["--prior", "dummy", "--quick", "--encoder", encoder_file, "--references", 4]
    found = run(root, "segment", image, "-o", tmp_path / "out", *options)
    assert found.returncode == 0, found.stderr
    assert (tmp_path / "out" / "a.dummy").is_file()


def test_messages_list_both(root: Path, tmp_path: Path):
    (tmp_path / "notes.txt").touch()
    nothing = run(root, "segment", tmp_path, "-o", tmp_path / "out", "--segmenter", "lungs")
    assert (nothing.returncode, nothing.stderr.count("\n")) == (2, 1)
    assert ".dummy" in nothing.stderr
    DummyGeometry().save(xray_phantom(0, 64).image, tmp_path / "a.dummy")
    strange = run(root, "segment", tmp_path, "-o", tmp_path.parent / "out", "--prior", "liver")
    assert (strange.returncode, strange.stderr.count("\n")) == (2, 1)
    assert "dummy, vessels" in strange.stderr
