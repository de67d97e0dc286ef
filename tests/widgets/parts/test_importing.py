from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from napari_localdisc.widgets.parts._importing import imported

PRELOADING = """
import sys
from pathlib import Path
from napari_localdisc.widgets.parts._importing import imported, load_libraries
load_libraries()
assert "torch" not in sys.modules
assert "libtorch_cpu.so" in Path("/proc/self/maps").read_text()
assert imported("torch:ones")(3).sum() == 3
"""


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module that can be imported; returns its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def module(text):
        name = f"imported_by_{tmp_path.name}"
        (tmp_path / f"{name}.py").write_text(text)
        return name

    return module


def test_no_garbage_is_looked_for_meanwhile(module):
    assert imported(f"{module('import gc; was_on = gc.isenabled()')}:was_on") is False
    assert gc.isenabled()


def test_what_was_off_stays_off(module):
    gc.disable()
    try:
        imported(f"{module('value = 1')}:value")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_an_import_that_fails_is_told_and_collecting_goes_on(module):
    with pytest.raises(ZeroDivisionError):
        imported(f"{module('1 / 0')}:value")
    assert gc.isenabled()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch is loaded as it is imported")
def test_the_libraries_of_torch_are_there_before_it_is_imported():
    ended = subprocess.run(
        [sys.executable, "-c", PRELOADING], capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 0, ended.stderr
