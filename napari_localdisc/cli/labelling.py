"""From options to labelled sets: what `probe` and `transfer` share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from napari_localdisc.cli.console import Reporter

if TYPE_CHECKING:
    from napari_localdisc.datasets.labelled_sets import SetFiles


@dataclass(frozen=True)
class SetOptions:
    """What a user said about labelled sets: ``--set``, ``--test-set``, ``--sets``, ``--data``."""

    words: Sequence[str]
    tests: Sequence[str]
    file: Path | None
    data: Path | None
    size: int


def list_sets(options: SetOptions, reporter: Reporter) -> list[SetFiles]:
    """Find the files of all sets, saying what was left out."""
    from napari_localdisc.datasets.labelled_sets import list_set
    from napari_localdisc.datasets.set_list import choose_sets, read_sets

    listed = read_sets(options.file, options.data) if options.file else []
    sets = [
        list_set(spec) for spec in choose_sets(options.words, options.tests, listed, options.size)
    ]
    for files in sets:
        if files.unmatched:
            count, first = len(files.unmatched), files.unmatched[0]
            reporter.say(f"{files.spec.name}: {count} images without a mask, such as {first.name}")
    return sets
