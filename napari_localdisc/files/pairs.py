"""Which mask belongs to which: two sets of files matched by name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from napari_localdisc.files.naming import output_names
from napari_localdisc.formats.images import image_stem

Keys = Callable[[Sequence[Path]], list[str]]


def match_names(files: Sequence[Path], partners: Sequence[Path]) -> dict[Path, Path]:
    """Match files of two sets by name.

    The same name matches, then the name that a result gets where stems meet (``scan_dcm.dcm`` with
    ``scan.dcm`` beside ``scan.png``), then the same stem. What is left is matched by the longest
    part of the name that no other file of either set has: ``01_test.png`` with ``01_manual1.gif``,
    ``IDRiD_55.png`` with ``IDRiD_55_EX.tif``. One file on either side always matches.

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
    matched: dict[Path, Path] = {}
    for own, other in ((_names, _names), (_stems, output_names), (output_names, _stems)):
        matched |= _match_by_key(*_left(files, partners, matched), own, other)
    return matched | _match_by_part(*_left(files, partners, matched))


def match_places(
    files: Sequence[Path], partners: Sequence[Path], tops: tuple[Path, Path]
) -> dict[Path, Path]:
    """Match files of two folders with sub-folders: first those of the same sub-folder.

    Parameters
    ----------
    files, partners : sequence of Path
    tops : tuple of Path
        The folders that they were found in, or the files themselves.

    Returns
    -------
    dict of Path to Path
        As of `match_names`, which matches by name within a sub-folder, then what is left.
    """
    mine, theirs = (_by_place(*found) for found in zip((files, partners), tops, strict=True))
    if mine.keys() == theirs.keys() == {"."}:
        return match_names(files, partners)
    matched: dict[Path, Path] = {}
    for place, own in mine.items():
        matched |= match_names(own, theirs.get(place, []))
    return matched | match_names(*_left(files, partners, matched))


def _by_place(files: Sequence[Path], top: Path) -> dict[str, list[Path]]:
    places: dict[str, list[Path]] = {}
    for file in files:
        place = file.parent.relative_to(top).as_posix() if file != top else "."
        places.setdefault(place, []).append(file)
    return places


def _left(
    files: Sequence[Path], partners: Sequence[Path], matched: Mapping[Path, Path]
) -> tuple[list[Path], list[Path]]:
    given = set(matched.values())
    return [file for file in files if file not in matched], [p for p in partners if p not in given]


def _names(files: Sequence[Path]) -> list[str]:
    return [file.name for file in files]


def _stems(files: Sequence[Path]) -> list[str]:
    return [image_stem(file) for file in files]


def _match_by_key(
    files: list[Path], partners: list[Path], own: Keys, other: Keys
) -> dict[Path, Path]:
    """Match what has the same key, where no other file of its set has it too."""
    mine, theirs = (
        [key.lower() for key in keys(paths)] for keys, paths in ((own, files), (other, partners))
    )
    seen, found = Counter(mine), Counter(theirs)
    by_key = dict(zip(theirs, partners, strict=True))
    return {
        file: by_key[key]
        for key, file in zip(mine, files, strict=True)
        if seen[key] == found[key] == 1
    }


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
