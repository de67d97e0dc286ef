"""Names of results: one for each input, never the same twice."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from napari_localdisc.formats.images import image_stem

JOURNAL = "journal.jsonl"
"""Name of the journal in a folder of results."""

RESERVED = ("overview",)
"""Names that a run's own files bear."""


def output_names(files: Sequence[Path], folders: Sequence[Path] = ()) -> list[str]:
    """Name the result of each file, without ending.

    That is the file's stem, after the sub-folder that it lies in. Files that share both, in any mix
    of capitals, are told apart by their ending, else by their folder, else by a number.

    Parameters
    ----------
    files : sequence of Path
    folders : sequence of Path
        Folders whose sub-folders are kept, each under its own name if there are several.

    Returns
    -------
    list of str
        As many as there are files, all different; ``/`` separates sub-folders.
    """
    places = [_sub_folder(file, folders) for file in files]
    groups: dict[tuple[str, str], list[int]] = {}
    for index, (file, place) in enumerate(zip(files, places, strict=True)):
        groups.setdefault((place.lower(), image_stem(file).lower()), []).append(index)
    taken = set(RESERVED)
    names = [""] * len(files)
    for group in sorted(groups.values(), key=len):
        for index in group:
            candidates = _candidates(files[index], [files[other] for other in group])
            names[index] = _free([f"{places[index]}{name}" for name in candidates], taken)
            taken.add(names[index].lower())
    return names


def _sub_folder(file: Path, folders: Sequence[Path]) -> str:
    for folder in folders:
        if file.is_relative_to(folder):
            parts = file.relative_to(folder).parts[:-1]
            if ".." in parts:
                continue
            above = (folder.resolve().name,) if len(folders) > 1 else ()
            return "".join(f"{part}/" for part in (*above, *parts))
    return ""


def _candidates(file: Path, group: list[Path]) -> list[str]:
    stem, folder = image_stem(file), Path(os.path.realpath(file)).parent.name
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
        if name.rsplit("/", 1)[-1] != image_stem(file)
    ]
