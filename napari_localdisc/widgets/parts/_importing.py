"""Imports in background threads, one at a time, that leave the window alive."""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

# Threads that import modules which import each other can be handed half-made ones.
_one_import_at_a_time = Lock()


def imported(path: str) -> object:
    """Import what a path like ``"module:name"`` stands for."""
    with _one_import_at_a_time, _no_collecting():
        load_libraries()
        return pkgutil.resolve_name(path)


def load_libraries() -> None:
    """Load the libraries of torch without Python's lock, which its import would hold meanwhile.

    As torch does it, which will find them loaded, or say why they cannot be.
    """
    spec = importlib.util.find_spec("torch")
    if sys.platform != "linux" or "torch" in sys.modules or spec is None or spec.origin is None:
        return
    folder = Path(spec.origin).parent / "lib"
    # A foreign call lets other threads run; `ctypes.CDLL` on a path does not.
    system = ctypes.CDLL(None)
    system.dlopen.restype = ctypes.c_void_p
    system.dlopen(os.fsencode(folder / "libtorch_global_deps.so"), os.RTLD_NOW | os.RTLD_GLOBAL)
    system.dlopen(os.fsencode(folder / "libtorch.so"), os.RTLD_NOW)


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
