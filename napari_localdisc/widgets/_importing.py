"""Imports in background threads, one at a time."""

from __future__ import annotations

import pkgutil
from threading import Lock

# Threads that import modules which import each other can be handed half-made ones.
_one_import_at_a_time = Lock()


def imported(path: str) -> object:
    """Import what a path like ``"module:name"`` stands for."""
    with _one_import_at_a_time:
        return pkgutil.resolve_name(path)
