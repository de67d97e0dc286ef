"""What the targets in a folder of results are called."""

from __future__ import annotations

from pathlib import Path

from napari_localdisc.batch.journal_record import read_journal
from napari_localdisc.files.naming import JOURNAL


def recorded_targets(folder: Path) -> dict[int, str]:
    """Names of the targets by label, as the recipe of a folder of results gives them.

    None of other folders.
    """
    if not (folder / JOURNAL).is_file():
        return {}
    recipe = read_journal(folder).recipe or {}
    names = str(recipe.get("targets") or "").split(", ")
    return {number: name for number, name in enumerate(names, start=1) if name}
