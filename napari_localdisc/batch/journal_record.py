"""The record in the journal of a folder of results: files begun, and files finished.

``journal.jsonl`` has a line of JSON for everything that happens, on the disk before the next thing
is begun. Lines are only ever added:

``{"napari-localdisc": "results", "recipe": {...}}``
    What the results are made with. What an earlier recipe made is no longer done.
``{"begin": ["a.png", ...]}``
    Files that are about to be written, and belong to this folder's runs from now on.
``{"guided": {...}, "segmenter": "...", "images": [...]}``
    A segmenter was guided and is kept in the folder.
``{"done": "a", "input": {...}, "result": {...}}``
    A file is finished, and its result in place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.recorded_names import stays_within
from napari_localdisc.files.fingerprint import Fingerprint
from napari_localdisc.files.naming import JOURNAL
from napari_localdisc.reports.report import FileResult, result_from

_MAGIC = b'{"napari-localdisc": "results", '


@dataclass(frozen=True)
class FinishedFile:
    """A finished file: its fingerprint and its result."""

    mark: Fingerprint
    result: FileResult


@dataclass
class JournalRecord:
    """The content of a journal.

    Attributes
    ----------
    recipe : dict or None
        What the results are made with, flat; None if there is no journal.
    known : set of str
        Names within the folder of all that its runs wrote or were about to write.
    done : dict of str to FinishedFile
        By the result's name without ending.
    guided : dict
        The latest line of a guidance, empty if there was none.
    size : int
        Bytes of whole lines; what follows was torn by a kill.
    """

    recipe: dict[str, Any] | None = None
    known: set[str] = field(default_factory=set)
    done: dict[str, FinishedFile] = field(default_factory=dict)
    guided: dict[str, Any] = field(default_factory=dict)
    size: int = 0

    def take(self, line: Mapping[str, Any], output: Path) -> None:
        """Add one line."""
        if "recipe" in line:
            self.recipe, self.done, self.guided = dict(line["recipe"]), {}, {}
        elif "begin" in line:
            self.known |= {name for name in line["begin"] if stays_within(name)}
        elif "guided" in line:
            self.guided = dict(line)
        elif "done" in line and stays_within(line["result"]["output"] or ""):
            result = result_from(line["result"], output)
            self.done[line["done"]] = FinishedFile(Fingerprint(**line["input"]), result)


def read_journal(output: Path) -> JournalRecord:
    """Read the journal of a folder; without one the record is empty.

    Raises
    ------
    LocaldiscError
        If it cannot be read or is another program's.
    """
    path = output / JOURNAL
    record = JournalRecord()
    check_plain(path)
    try:
        content = path.read_bytes() if os.path.lexists(path) else b""
    except OSError as error:
        raise LocaldiscError(
            f"{path} cannot be read ({error.strerror}); check it or name another output folder."
        ) from error
    if not (content.startswith(_MAGIC) or _MAGIC.startswith(content.rstrip(b"\0"))):
        raise LocaldiscError(
            f"{path} is no journal of napari-localdisc; move it away or name another output folder."
        )
    for line in content.splitlines(keepends=True):
        if line.endswith(b"\n"):
            record.size += len(line)
            # What is unreadable is as if it had not been: its file is then done again or refused.
            with suppress(ValueError, KeyError, TypeError, RecursionError):
                record.take(json.loads(line), output)
    return record


def recorded_targets(folder: Path) -> dict[int, str]:
    """Names of the targets by label, as the recipe of a folder of results gives them.

    None of other folders.
    """
    if not (folder / JOURNAL).is_file():
        return {}
    recipe = read_journal(folder).recipe or {}
    names = str(recipe.get("targets") or "").split(", ")
    return {number: name for number, name in enumerate(names, start=1) if name}


def check_plain(path: Path) -> None:
    """Refuse a journal that is a link, a pipe or a folder.

    Raises
    ------
    LocaldiscError
        If it is.
    """
    if os.path.lexists(path) and (path.is_symlink() or not path.is_file()):
        raise LocaldiscError(
            f"{path} is no plain file; move it away or name another output folder."
        )


def refuse_foreign_files(output: Path, names: Iterable[str], known: Collection[str]) -> None:
    """Refuse to replace files that no run of a folder wrote.

    Parameters
    ----------
    output : Path
    names : iterable of str
        Files that will be written, within the folder.
    known : collection of str
        Those that runs of the folder wrote.

    Raises
    ------
    LocaldiscError
        Names the file in the way.
    """
    for name in names:
        if name not in known and os.path.lexists(output / name):
            raise LocaldiscError(
                f"{output / name} would be replaced, and no run that kept a journal there wrote it;"
                " move it away or name another output folder."
            )


def check_recipe(output: Path, made: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Refuse to mix results of two recipes in a folder.

    Raises
    ------
    LocaldiscError
        With the settings that differ.
    """
    other = [
        f"{key} {_short(made.get(key))} there and {_short(wanted.get(key))} here"
        for key in {**made, **wanted}
        if made.get(key) != wanted.get(key)
    ]
    if other:
        raise LocaldiscError(
            f"{output} holds results of another recipe ({'; '.join(other)}); name another output"
            " folder, or replace them (--overwrite; in napari, Replace other results)."
        )


def _short(value: object) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:12]}..."
