from __future__ import annotations

import gc

import pytest

from napari_localdisc.widgets.parts._importing import imported


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
