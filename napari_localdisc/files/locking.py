"""One run at a time in a folder.

filelock would lock the first byte on Windows, and nobody could read the journal any more.
"""

from __future__ import annotations

import errno
import sys
from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError

if sys.platform == "win32":
    import msvcrt
    import os
else:
    import fcntl

_FAR = 2**40
"""Windows keeps others from reading the byte that is locked: one that no file has."""

_HELD = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)


def lock(handle: int, folder: Path) -> None:
    """Lock an open file of a folder until it is closed, or its process ends, however it does.

    Parameters
    ----------
    handle : int
        Of the open file.
    folder : Path
        Named in the message.

    Raises
    ------
    LocaldiscError
        If another process has it.
    """
    try:
        _lock(handle)
    except OSError as error:
        # Others mean that this file system has no locks; there the user has to take care.
        if error.errno in _HELD:
            raise LocaldiscError(
                f"another run is writing to {folder}; wait for it or name another output folder."
            ) from error


if sys.platform == "win32":

    def _lock(handle: int) -> None:
        os.lseek(handle, _FAR, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)

else:

    def _lock(handle: int) -> None:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
