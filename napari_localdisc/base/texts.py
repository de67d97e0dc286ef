"""Text files from anyone: bounded in size and depth."""

from __future__ import annotations

import errno
import json
import os
import tomllib
from pathlib import Path
from typing import Any

MOST_BYTES = 2**26
"""Of a table or recipe; more is no such file."""


def read_text(path: Path) -> str:
    """Read UTF-8 text; file names in it that are no text stay as they are.

    Raises
    ------
    OSError
        If it cannot be read, or is no plain file: a pipe would be waited for.
    ValueError
        If it is too large.
    """
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
    with path.open("rb") as file:
        content = file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"more than {MOST_BYTES} bytes")
    text = content.decode("utf-8-sig", errors="surrogateescape")
    return text.replace("\r\n", "\n")


def parse_json(text: str) -> Any:
    """Read JSON.

    Raises
    ------
    ValueError
        If it is none, or nested too deeply.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def parse_toml(text: str) -> dict[str, Any]:
    """Read TOML.

    Raises
    ------
    ValueError
        If it is none, or nested too deeply.
    """
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
