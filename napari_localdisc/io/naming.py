"""Names of results: one for each input, never the same twice."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from napari_localdisc.io.images import image_stem

RESERVED = ("overview",)
"""Names that a run's own files bear."""


def output_names(files: Sequence[Path]) -> list[str]:
    """Name the result of each file, without ending.

    That is the file's stem. Files that share one, in any mix of capitals, are told apart by their
    ending, else by their folder, else by a number.

    Parameters
    ----------
    files : sequence of Path

    Returns
    -------
    list of str
        As many as there are files, all different.
    """
    groups: dict[str, list[Path]] = {}
    for file in files:
        groups.setdefault(image_stem(file).lower(), []).append(file)
    taken = set(RESERVED)
    names: dict[Path, str] = {}
    for group in sorted(groups.values(), key=len):
        for file in group:
            names[file] = _free(_candidates(file, group), taken)
            taken.add(names[file].lower())
    return [names[file] for file in files]


def _candidates(file: Path, group: list[Path]) -> list[str]:
    stem, folder = image_stem(file), file.resolve().parent.name
    ending = file.name[len(stem) :].replace(".", "_")
    if len(group) == 1:
        return [stem, f"{folder}_{stem}", f"{folder}_{stem}{ending}"]
    by_ending = len({other.suffix.lower() for other in group}) == len(group)
    return [f"{stem}{ending}" if by_ending else f"{folder}_{stem}", f"{folder}_{stem}{ending}"]


def _free(candidates: list[str], taken: set[str]) -> str:
    for name in candidates:
        if name.lower() not in taken:
            return name
    number = 2
    while f"{candidates[-1]}_{number}".lower() in taken:
        number += 1
    return f"{candidates[-1]}_{number}"


def renamed(files: Sequence[Path], names: Sequence[str]) -> list[str]:
    """Say which results do not bear their file's name, a line each."""
    return [
        f"{file} shares its name with another file; its result is named {name}"
        for file, name in zip(files, names, strict=True)
        if name != image_stem(file)
    ]
