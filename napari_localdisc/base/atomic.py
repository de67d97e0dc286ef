"""Files that appear whole or not at all, and that a power cut leaves on the disk."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from napari_localdisc.base.errors import cannot_write

_OF_NAME = 40
"""So much of a file's name is in that of its temporary neighbour: a long one would get too long."""

_TEMPORARY = re.compile(r"\.(.+)\.[a-z0-9_]{8}\.part(\..+)?", re.DOTALL)
_ASKING = threading.Lock()


@contextmanager
def replacing(path: Path, suffix: str = "") -> Iterator[Path]:
    """Write to a temporary neighbour that takes the place of `path` when all went well.

    Whatever happens meanwhile, a kill or a power cut included, `path` holds either what it held
    before or all of the new content.

    Parameters
    ----------
    path : Path
        Its folder is made if needed.
    suffix : str
        Ending of the temporary name, for writers that choose the format by it.

    Yields
    ------
    Path
        Where to write.

    Raises
    ------
    LocaldiscError
        If the folder or the file cannot be written.
    """
    try:
        make_folder(path.parent)
        prefix = f".{path.name[:_OF_NAME]}."
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=f".part{suffix}", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise cannot_write(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        _put(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replacing_folder(path: Path) -> Iterator[Path]:
    """Fill a temporary folder that takes the place of `path` when all went well.

    Whatever happens meanwhile, `path` is a whole folder or is not there.

    Yields
    ------
    Path
        An empty folder.

    Raises
    ------
    LocaldiscError
        If it cannot be written.
    """
    try:
        make_folder(path.parent)
        prefix = f".{path.name[:_OF_NAME]}."
        temporary = Path(tempfile.mkdtemp(prefix=prefix, suffix=".part", dir=path.parent))
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        yield temporary
        for part in temporary.rglob("*"):
            _sync(part)
        temporary.chmod(0o777 & ~_umask())
        remove(path)
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        remove(temporary)


def remove(path: Path) -> None:
    """Delete a file, or a folder with all that is in it; a link alone, and nothing if not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all; file names that are no text stay as they are."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def write_bytes(path: Path, content: bytes) -> None:
    """Write bytes, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def sweep(paths: Iterable[Path]) -> None:
    """Delete temporary files that an interrupted write left beside these."""
    by_folder: dict[Path, set[str]] = {}
    for path in paths:
        by_folder.setdefault(path.parent, set()).add(path.name[:_OF_NAME])
    for folder, names in by_folder.items():
        if folder.is_dir():
            for file in folder.iterdir():
                found = _TEMPORARY.fullmatch(file.name)
                if found and found[1] in names:
                    remove(file)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, for good."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    path.mkdir(parents=True, exist_ok=True)
    for folder in missing:
        sync_folder(folder.parent)


def _put(temporary: Path, path: Path) -> None:
    """Let a finished file take the place of another, which is there until this one is complete."""
    _sync(temporary)
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(path: Path) -> None:
    """Wait until the disk knows which files a folder holds."""
    with suppress(OSError):  # not every file system can
        _sync(path)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    with _ASKING:  # asking is setting: two threads at once could leave the wrong one behind
        current = os.umask(0o022)
        os.umask(current)
    return current
