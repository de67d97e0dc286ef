"""``napari-localdisc evaluate``."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from napari_localdisc.cli.groups import Choosing, Speaking
from napari_localdisc.cli.options import Json
from napari_localdisc.cli.output.console import print_json

if TYPE_CHECKING:
    from napari_localdisc.tasks.evaluate import Evaluation, Score, Summary

_HEADS = ("file", "target", "Dice", "boundary px", "HD95 px")


def evaluate(
    predictions: Annotated[Path, typer.Argument(help="Predicted masks: a folder or a file.")],
    truth: Annotated[Path, typer.Argument(help="True masks, matched by file name.")],
    fov: Annotated[
        Path | None, typer.Option("--fov", help="Fields of view; only pixels inside count.")
    ] = None,
    label: Annotated[
        int | None,
        typer.Option("--label", help="Compare this label of the predictions alone.", min=1),
    ] = None,
    *,
    choosing: Choosing,
    speaking: Speaking,
    json: Json = False,
) -> int:
    """Score masks against the truth: Dice and boundary distance, per file and on average."""
    from napari_localdisc.tasks.evaluate import evaluate_folders

    with speaking.reporter(json) as reporter:
        run = evaluate_folders(predictions, truth, fov, label, choosing.choice())
        result = reporter.follow(run)
    for summary in result.summaries:
        reporter.record(" ".join(_summary_row(summary)))
    if json:
        print_json(_content(result))
    else:
        _print_table(result)
    for path in result.unmatched_predictions:
        reporter.warn(f"{path} has no true mask of a matching name; not scored.")
    if result.unmatched_truths:
        reporter.say(f"{len(result.unmatched_truths)} true masks have no prediction.")
    return 1 if result.unmatched_predictions else 0


def _content(result: Evaluation) -> dict[str, object]:
    return {
        "dice": result.dice,
        "summary": [asdict(summary) for summary in result.summaries],
        "files": [asdict(score) for score in result.scores],
        "unmatched_predictions": list(result.unmatched_predictions),
        "unmatched_truths": list(result.unmatched_truths),
    }


def _print_table(result: Evaluation) -> None:
    table = Table(box=None, pad_edge=False)
    for index, head in enumerate(_HEADS):
        table.add_column(head, justify="left" if index == 0 else "right", no_wrap=True)
    for score in result.scores:
        table.add_row(*_score_row(score))
    table.add_section()
    for summary in result.summaries:
        table.add_row(*_summary_row(summary), style="bold")
    Console(highlight=False, width=None if Console().is_terminal else 200).print(table)


def _score_row(score: Score) -> tuple[str, ...]:
    name, label = score.prediction.name, str(score.label)
    return name, label, f"{score.dice:.4f}", f"{score.boundary:.2f}", f"{score.hd95:.2f}"


def _summary_row(summary: Summary) -> tuple[str, ...]:
    return (
        f"mean of {summary.files}, median Dice {summary.dice_median:.4f}",
        str(summary.label),
        f"{summary.dice_mean:.4f} ± {summary.dice_std:.4f}",
        f"{summary.boundary_mean:.2f}",
        f"{summary.hd95_mean:.2f}",
    )
