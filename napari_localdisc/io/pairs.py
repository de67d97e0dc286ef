"""Which mask belongs to which: two sets of files matched by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from napari_localdisc.io.images import image_stem


def match_names(files: Sequence[Path], partners: Sequence[Path]) -> dict[Path, Path]:
    """Match files of two sets by name.

    The same stem matches. What is left is matched by the longest part of the name that no other
    file of either set has: ``01_test.png`` with ``01_manual1.gif``, ``IDRiD_55.png`` with
    ``IDRiD_55_EX.tif``. One file on either side always matches.

    Parameters
    ----------
    files, partners : sequence of Path

    Returns
    -------
    dict of Path to Path
        Partner by file; files without one are left out, and no partner is used twice.
    """
    if len(files) == len(partners) == 1:
        return {files[0]: partners[0]}
    by_stem = {image_stem(partner).lower(): partner for partner in partners}
    exact = {
        file: by_stem[image_stem(file).lower()]
        for file in files
        if image_stem(file).lower() in by_stem
    }
    left = [file for file in files if file not in exact]
    free = [partner for partner in partners if partner not in exact.values()]
    return exact | _match_by_part(left, free)


def _match_by_part(files: list[Path], partners: list[Path]) -> dict[Path, Path]:
    own, other = _telling_parts(files), _telling_parts(partners)
    matched: dict[Path, Path] = {}
    for part in sorted(own.keys() & other.keys(), key=lambda part: (-len(part), part)):
        file, partner = own[part], other[part]
        if file not in matched and partner not in matched.values():
            matched[file] = partner
    return matched


def _telling_parts(files: list[Path]) -> dict[str, Path]:
    """Parts of names that only one file of a set has."""
    parts = {file: set(re.split(r"[\W_]+", image_stem(file).lower())) - {""} for file in files}
    seen = Counter(part for found in parts.values() for part in found)
    return {part: file for file, found in parts.items() for part in found if seen[part] == 1}
