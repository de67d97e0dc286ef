"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from napari_localdisc.base.durable import make_folder, put
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
        put(temporary, path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text, whole or not at all; file names that are no text stay as they are."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape", newline="")


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
                    file.unlink(missing_ok=True)


def _umask() -> int:
    with _ASKING:  # asking is setting: two threads at once could leave the wrong one behind
        current = os.umask(0o022)
        os.umask(current)
    return current
