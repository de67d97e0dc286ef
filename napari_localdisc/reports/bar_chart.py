"""Bar charts of transfer tables."""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING

from napari_localdisc.base.atomic import replacing
from napari_localdisc.core.evaluation.transfer_table import Summary, label_order, label_text

if TYPE_CHECKING:
    from matplotlib.axes import Axes

COLOURS = ("#9aa0a6", "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442")
"""Told apart by colour-blind eyes; the first, for random weights as a rule, is grey."""


def write_chart(path: Path, summaries: Sequence[Summary]) -> None:
    """Draw mean Dice as bars with their spread over seeds: a panel for each number of labels.

    Parameters
    ----------
    path : Path
        PNG file.
    summaries : sequence of Summary
        At least one.
    """
    sets, inits = (
        list(dict.fromkeys(getattr(s, key) for s in summaries)) for key in ("set", "init")
    )
    panels = label_order(summaries)
    width = 1.5 + len(sets) * (0.4 + 0.28 * len(inits))
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(4.5, width), 0.6 + 2.6 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0]
    for axis, labels in zip(axes, panels, strict=True):
        _draw(axis, [s for s in summaries if s.labels == labels], sets, inits)
        axis.set_title(label_text(labels), loc="left", fontsize=10)
    figure.legend(
        *axes[0].get_legend_handles_labels(),
        loc="outside upper center", ncols=min(4, len(inits)), frameon=False, fontsize=9,
    )  # fmt: skip
    with replacing(path, ".png") as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def _draw(
    axis: Axes, summaries: Sequence[Summary], sets: Sequence[str], inits: Sequence[str]
) -> None:
    found = {(s.init, s.set): s for s in summaries}
    thick = 0.8 / len(inits)
    for index, init in enumerate(inits):
        there = [s for s in sets if (init, s) in found]
        places = [sets.index(s) + (index - (len(inits) - 1) / 2) * thick for s in there]
        own = [found[init, s] for s in there]
        axis.bar(
            places, [100 * s.mean for s in own], thick * 0.92, label=init,
            color=COLOURS[index % len(COLOURS)],
            yerr=[nan if s.spread is None else 100 * s.spread for s in own],
            error_kw={"ecolor": "#303030", "elinewidth": 1, "capsize": 2},
        )  # fmt: skip
    axis.set_xticks(range(len(sets)), sets)
    axis.set_ylim(0, 100)
    axis.set_ylabel("Dice, %")
    axis.yaxis.grid(visible=True, color="#e0e0e0")
    axis.set_axisbelow(True)
    axis.spines[["top", "right"]].set_visible(False)
