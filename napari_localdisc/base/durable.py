"""Durable files and folders: synced to the disk, so that a power cut leaves them."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def make_folder(path: Path) -> None:
    """Make a folder and those above it, synced to the disk."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def put(temporary: Path, path: Path) -> None:
    """Replace a file by a finished one, atomically and synced to the disk."""
    _sync(temporary)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Sync the list of files of a folder to the disk."""
    with suppress(OSError):  # not every file system can
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
