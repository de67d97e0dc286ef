"""The table of panels, what napari.yaml says of them, and what opening a dock costs."""

from __future__ import annotations

import importlib.resources
import json
import subprocess
import sys

import pytest
from npe2 import PluginManifest

from napari_localdisc.widgets.panels import PANELS, docks

DOCKS_MODULE = docks.__name__


@pytest.fixture(scope="module")
def contributions():
    file = importlib.resources.files("napari_localdisc") / "napari.yaml"
    return PluginManifest.from_file(file).contributions


def test_every_panel_has_a_command_that_opens_its_dock(contributions):
    listed = [
        (command.id, command.title, command.python_name)
        for command in contributions.commands
        if command.python_name.startswith(f"{DOCKS_MODULE}:")
    ]
    assert listed == [
        (
            f"napari-localdisc.{entry.id}",
            f"Local discrimination: {entry.title}",
            f"{DOCKS_MODULE}:{entry.dock_name}",
        )
        for entry in PANELS
    ]


def test_every_panel_is_a_widget_beside_the_others(contributions):
    listed = [
        (widget.command, widget.display_name, widget.tabify) for widget in contributions.widgets
    ]
    assert listed == [(f"napari-localdisc.{entry.id}", entry.title, True) for entry in PANELS]


@pytest.mark.parametrize("entry", PANELS, ids=lambda entry: entry.id)
def test_the_dock_that_the_manifest_names_holds_the_panel_of_the_table(entry):
    assert getattr(docks, entry.dock_name).panel_path == entry.path


def test_neither_the_table_nor_the_docks_load_a_panel():
    code = f"import json, sys; import {DOCKS_MODULE}; print(json.dumps(list(sys.modules)))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(json.loads(run.stdout))
    assert DOCKS_MODULE in loaded
    assert loaded.isdisjoint({entry.path.partition(":")[0] for entry in PANELS} | {"torch"})
