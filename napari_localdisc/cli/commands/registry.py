"""The registry of commands: a module here with a function of its name, and a line each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from napari_localdisc.cli.groups import flattened

COMMANDS = (
    "demo",
    "pretrain",
    "clusters",
    "guide",
    "segment",
    "run",
    "evaluate",
    "measure",
    "probe",
    "transfer",
)
"""In the order of the help."""


def commands() -> Iterator[Callable[..., Any]]:
    """Give the function of every command, with all its options in its signature."""
    for name in COMMANDS:
        module = import_module(f"napari_localdisc.cli.commands.{name}")
        yield flattened(getattr(module, name))
