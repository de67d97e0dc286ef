"""``napari-localdisc evaluate``."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.cli.groups import Choosing, Comparing, Speaking
from napari_localdisc.cli.options import Json
from napari_localdisc.cli.output.console import print_json

if TYPE_CHECKING:
    from napari_localdisc.tasks.evaluation.agreement import TargetAgreement
    from napari_localdisc.tasks.evaluation.scores import Evaluation, Score, Summary

_HEADS = ("file", "target", "Dice", "boundary", "HD95", "surface Dice", "unit", "difference")


def evaluate(
    predictions: Annotated[Path, typer.Argument(help="Predicted masks: a folder or a file.")],
    truth: Annotated[Path, typer.Argument(help="True masks, matched by file name.")],
    fov: Annotated[
        Path | None, typer.Option("--fov", help="Fields of view; only pixels inside count.")
    ] = None,
    agreement: Annotated[
        Path | None,
        typer.Option(
            "--agreement",
            help="Take both for raters: write how they agree on sizes into this folder, after"
            " Bland and Altman, as tables and as a picture.",
            metavar="OUT",
        ),
    ] = None,
    *,
    comparing: Comparing,
    choosing: Choosing,
    speaking: Speaking,
    json: Json = False,
) -> int:
    """Score masks against the truth: Dice, surface distances and sizes, per file and on average.

    Images and volumes of all formats, with sub-folders. Distances are in mm where files tell it.
    """
    from napari_localdisc.tasks.evaluate import evaluate_folders
    from napari_localdisc.tasks.evaluation.agreement import write_agreement

    if agreement is not None and agreement.exists() and not agreement.is_dir():
        raise LocaldiscError(f"output {agreement} is a file; name a folder.")
    with speaking.reporter(json) as reporter:
        run = evaluate_folders(predictions, truth, fov, comparing.metrics(), choosing.choice())
        result = reporter.follow(run)
    agreed: tuple[TargetAgreement, ...] = ()
    if agreement is not None:
        agreed = write_agreement(agreement, result, (str(predictions), str(truth)))
    lines = [*(" ".join(_summary_row(one)) for one in result.summaries), *map(_sentence, agreed)]
    for line in lines:
        reporter.record(line)
    if json:
        told = {} if agreement is None else {"agreement": [one.content for one in agreed]}
        print_json({**_content(result), **told})
    else:
        _print_table(result)
        for one in agreed:
            typer.echo(_sentence(one))
    for path in result.unmatched_predictions:
        reporter.warn(f"{path} has no true mask of a matching name; not scored.")
    if result.unmatched_truths:
        reporter.say(f"{len(result.unmatched_truths)} true masks have no prediction.")
    return 1 if result.unmatched_predictions else 0


def _content(result: Evaluation) -> dict[str, object]:
    return {
        "dice": result.dice,
        "summary": [asdict(summary) for summary in result.summaries],
        "files": [{**asdict(score), "difference": score.difference} for score in result.scores],
        "unmatched_predictions": list(result.unmatched_predictions),
        "unmatched_truths": list(result.unmatched_truths),
    }


def _sentence(one: TargetAgreement) -> str:
    figures, unit = one.figures, one.unit
    limits, related = "", ""
    if math.isfinite(figures.deviation):
        limits = f", limits of agreement {figures.lower:.4g} to {figures.upper:.4g} {unit}"
    if math.isfinite(figures.correlation):
        related = f", r = {figures.correlation:.4f}"
    count = f"{figures.pairs} {'pair' if figures.pairs == 1 else 'pairs'}"
    return f"{one.target}: bias {figures.bias:.4g} {unit}{limits}{related} ({count})"


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
    return (
        score.prediction.name,
        score.target,
        f"{score.dice:.4f}",
        f"{score.boundary:.2f}",
        f"{score.hd95:.2f}",
        f"{score.surface_dice:.4f}",
        score.unit,
        f"{score.difference:+.4g} {score.size_unit}",
    )


def _summary_row(summary: Summary) -> tuple[str, ...]:
    return (
        f"mean of {summary.files}, median Dice {summary.dice_median:.4f}",
        summary.target,
        f"{summary.dice_mean:.4f} ± {summary.dice_std:.4f}",
        f"{summary.boundary_mean:.2f}",
        f"{summary.hd95_mean:.2f}",
        f"{summary.surface_dice_mean:.4f}",
        summary.unit,
        f"{summary.difference_mean:+.4g} {summary.size_unit}",
    )
