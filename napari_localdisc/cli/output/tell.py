"""Words for what became of many files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from napari_localdisc.cli.output.console import Reporter, print_json

if TYPE_CHECKING:
    from napari_localdisc.batch.run_files import BatchReport
    from napari_localdisc.tasks.segment_folder import FolderResult


def tell_folder(
    result: FolderResult, settings: Mapping[str, Any], reporter: Reporter, json: bool
) -> int:
    """Say what became of masks and return the exit code."""
    run = {**settings, "device": result.device, **result.segmenter.card.encoder.identity}
    return tell_batch(result.report, run, reporter, json, result.warnings)


def tell_batch(
    report: BatchReport,
    run: Mapping[str, Any],
    reporter: Reporter,
    json: bool,
    warnings: Sequence[str] = (),
) -> int:
    """Say what became of a batch and return the exit code."""
    for note in report.notes:
        reporter.say(note)
    for result in report.failed:
        reporter.warn(result.error)
    for warning in warnings:
        reporter.warn(f"warning: {warning}")
    count = f"{len(report.done)} of {len(report.results)} images done"
    earlier = f" ({len(report.kept)} by an earlier run)" if report.kept else ""
    reporter.conclude(f"{count}{earlier}, results in {report.output}")
    if json:
        files = [asdict(result) for result in report.results]
        told = {"notes": report.notes, "warnings": warnings}
        print_json({"output": report.output, "run": run, "files": files, **told})
    return 1 if report.failed else 0
