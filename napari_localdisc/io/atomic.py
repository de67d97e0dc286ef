"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_localdisc.core.errors import cannot_write


@contextmanager
def replacing(path: Path, suffix: str = "") -> Iterator[Path]:
    """Write to a temporary neighbour that takes the place of `path` when all went well.

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
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".", suffix=f".part{suffix}", dir=path.parent)
        os.close(handle)
    except OSError as error:
        raise cannot_write(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        _settle(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all; file names that are no text stay as they are."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


def _settle(temporary: Path, path: Path) -> None:
    temporary.chmod(0o666 & ~_umask())
    with temporary.open("rb+") as file:
        os.fsync(file.fileno())
    temporary.replace(path)


def _umask() -> int:
    current = os.umask(0o022)
    os.umask(current)
    return current
