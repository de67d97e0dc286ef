"""The one exception that is meant for the user's eyes."""

from __future__ import annotations

import errno
import re
from pathlib import Path


class LocaldiscError(Exception):
    """A problem the user can act on.

    The message is one sentence that names the thing (file, option, argument), says what was
    expected of it and what came, and ends with the remedy. It is shown as it is, without traceback.

    Parameters
    ----------
    message : str
        Names of files and what decoders say may hold anything; line breaks become blanks, and what
        cannot be printed, such as the codes that steer a terminal, is written out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(" ".join(message.split())))


def printable(text: str) -> str:
    """Escape control characters and bytes that are no text."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


_PYTHON = re.compile(
    r"\b[A-Z]\w*(Error|Exception|Warning)\b|\bNoneType\b|<class|<[\w.]+ object|has no attribute"
    r"|not subscriptable|not callable|unsupported operand|\bbuiltin\b|positional argument"
)
"""Words by which Python speaks of itself."""


def plain_words(error: BaseException, longest: int = 160) -> str:
    """Return what a library says of a failure, on one line; nothing if it speaks of Python.

    Parameters
    ----------
    error : BaseException
    longest : int
        Signs that are passed on at most.
    """
    text = " ".join(str(error).split())
    says_something = any(sign.isalpha() for sign in text)
    return text[:longest] if says_something and not _PYTHON.search(text) else ""


class OutputLostError(LocaldiscError):
    """The place of the results takes no more: the disk is full, or gone."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_GONE = (errno.EIO, errno.EROFS, errno.ENODEV, errno.ENXIO)


def cannot_write(path: Path, error: OSError) -> LocaldiscError:
    """Make the error for a file that cannot be written: reason and remedy.

    Returns
    -------
    LocaldiscError
        An `OutputLostError` where no other file could be written either.
    """
    remedy, kind = "choose a folder that you may write to", LocaldiscError
    if error.errno in _FULL:
        remedy, kind = "free some space", OutputLostError
    elif error.errno in _GONE:
        remedy, kind = "check the drive", OutputLostError
    return kind(f"cannot write {path} ({error.strerror or error}); {remedy}.")
