"""Masks of a folder of results that somebody corrected: recorded, so that runs and reports know."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.batch.journal import Journal
from napari_localdisc.batch.journal_record import read_journal
from napari_localdisc.reports.report import REPORT, FileResult, read_report, write_report

CORRECTED = "corrected by hand"
"""The note in a report's row of a mask that was painted on."""


def results_folder(mask: Path) -> Path:
    """Find the folder of results that a mask lies in, itself or above."""
    above = (folder for folder in mask.parents if (folder / REPORT).is_file())
    return next(above, mask.parent)


def replace_mask(mask: Path, areas: Mapping[str, int], write: Callable[[], object]) -> FileResult:
    """Replace a mask by its correction; record it in the journal and in its row of ``report.csv``.

    A run that goes on in this folder keeps the mask, as it keeps all that is done.

    Parameters
    ----------
    mask : Path
        In a folder of results.
    areas : mapping of str to int
        Its pixels by target, corrected.
    write : callable
        Writes it, while no run can be at the folder.

    Returns
    -------
    FileResult
        The row, as it is now.

    Raises
    ------
    LocaldiscError
        If no run of its folder wrote the mask, or one is at it now.
    """
    output = results_folder(mask)
    with Journal(output, read_journal(output).recipe or {}) as journal:
        done = journal.record.done
        name = next((name for name in done if done[name].result.output == mask), None)
        if name is None:
            raise LocaldiscError(
                f"{mask.name} is of no run that kept a journal in {output}; save it by the panel"
                " Find."
            )
        corrected = _corrected(done[name].result, areas)
        write()
        journal.finish(name, done[name].mark, corrected)
        known = {one.result.output: one.result for one in done.values()} | {mask: corrected}
        rows = [known.get(row.output, row) for row in read_report(output)]
        write_report(output / REPORT, rows)
    return corrected


def _corrected(result: FileResult, areas: Mapping[str, int]) -> FileResult:
    notes = tuple(dict.fromkeys((*result.notes, CORRECTED)))
    return replace(result, area=sum(areas.values()), areas=dict(areas), notes=notes)
