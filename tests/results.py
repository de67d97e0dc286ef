"""What a folder of results holds, to be compared with another one."""

from __future__ import annotations

from pathlib import Path

from napari_localdisc.files.naming import JOURNAL


def content_of(folder: Path) -> dict[str, bytes]:
    """All files of a folder but the journal, and the report without its seconds."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != JOURNAL
    }
    rows = [line.split(b",") for line in found["report.csv"].splitlines()]
    found["report.csv"] = b"\n".join(b",".join([*row[:3], *row[4:]]) for row in rows)
    return found
