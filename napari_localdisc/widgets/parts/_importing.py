"""Imports in background threads, one at a time, that leave the window alive."""

from __future__ import annotations

import gc
import pkgutil
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

# Threads that import modules which import each other can be handed half-made ones.
_one_import_at_a_time = Lock()


def imported(path: str) -> object:
    """Import what a path like ``"module:name"`` stands for."""
    with _one_import_at_a_time, _no_collecting():
        return pkgutil.resolve_name(path)


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Look for no garbage: imports make much that stays, and every look would stop all threads."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
