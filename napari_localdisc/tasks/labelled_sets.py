"""Labelled sets as a user describes them: what probing and fine-tuning measure on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.datasets.labelled_sets import SetFiles, list_set
from napari_localdisc.datasets.set_list import choose_sets, read_sets
from napari_localdisc.files.discovery import Choice


@dataclass(frozen=True)
class SetChoice:
    """Which labelled sets are measured on.

    Attributes
    ----------
    words, tests : sequence of str
        Descriptions, see `choose_sets`.
    file : Path, optional
        TOML file that lists sets.
    data : Path, optional
        What folders in the file are relative to.
    size : int
        Canvas in pixels of the sets described in `words`.
    files : Choice
        Which images are taken from their folders.
    """

    words: Sequence[str] = ()
    tests: Sequence[str] = ()
    file: Path | None = None
    data: Path | None = None
    size: int = 256
    files: Choice = field(default_factory=Choice)


def list_sets(choice: SetChoice) -> Run[list[SetFiles]]:
    """Find the files of all sets.

    Yields
    ------
    Progress
        Of stage ``"note"``: which images were left out.

    Raises
    ------
    LocaldiscError
        If there is no set, one is described wrongly, or its files do not make a set.
    """
    listed = read_sets(choice.file, choice.data) if choice.file else []
    specs = choose_sets(choice.words, choice.tests, listed, choice.size)
    sets = [list_set(spec, choice.files) for spec in specs]
    for number, files in enumerate(sets):
        if files.unmatched:
            count, first = len(files.unmatched), files.unmatched[0]
            message = f"{files.spec.name}: {count} images without a mask, such as {first.name}"
            yield Progress("note", number, len(sets), message)
    return sets
