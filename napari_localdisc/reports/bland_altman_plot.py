"""Bland-Altman plots: differences of two methods over their means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_localdisc.base.atomic import replacing
from napari_localdisc.core.evaluation.bland_altman import BlandAltman

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_POINT, _BIAS, _LIMIT = "#0072b2", "#303030", "#d55e00"
_LONGEST = 40
"""Letters of a rater's name on the plot."""


@dataclass(frozen=True)
class Plotted:
    """A panel: paired sizes of one target, and the figures of their agreement."""

    target: str
    unit: str
    first: Sequence[float]
    second: Sequence[float]
    figures: BlandAltman


def write_bland_altman(path: Path, panels: Sequence[Plotted], raters: tuple[str, str]) -> None:
    """Draw a panel a target: bias as a line, limits of agreement dashed.

    Parameters
    ----------
    path : Path
        PNG file.
    panels : sequence of Plotted
        At least one.
    raters : tuple of str
        Names of the two methods.

    Raises
    ------
    LocaldiscError
        If the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 0.6 + 3.2 * len(panels)), layout="constrained")
    axes = figure.subplots(len(panels), 1, squeeze=False)[:, 0]
    for axis, panel in zip(axes, panels, strict=True):
        _draw(axis, panel)
    first, second = (_plain(rater) for rater in raters)
    figure.suptitle(f"{first} less {second}", fontsize=10)
    with replacing(path, ".png") as temporary:
        figure.savefig(temporary, format="png", dpi=150)


def _draw(axis: Axes, panel: Plotted) -> None:
    first, second = np.asarray(panel.first), np.asarray(panel.second)
    axis.scatter((first + second) / 2, first - second, s=18, color=_POINT, alpha=0.7)
    figures = panel.figures
    lines = [(figures.bias, "bias", _BIAS, "-")]
    if math.isfinite(figures.deviation):
        lines += [
            (figures.upper, "upper limit", _LIMIT, "--"),
            (figures.lower, "lower limit", _LIMIT, "--"),
        ]
    for value, what, colour, style in lines:
        axis.axhline(value, color=colour, linestyle=style, linewidth=1, label=f"{what} {value:.4g}")
    axis.set_title(_plain(_heading(panel)), loc="left", fontsize=10)
    axis.set_xlabel(f"mean of both, {panel.unit}")
    axis.set_ylabel(f"difference, {panel.unit}")
    axis.legend(frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
    axis.spines[["top", "right"]].set_visible(False)


def _heading(panel: Plotted) -> str:
    pairs = panel.figures.pairs
    related = panel.figures.correlation
    tail = f", r = {related:.3f}" if math.isfinite(related) else ""
    return f"{panel.target}: {pairs} {'pair' if pairs == 1 else 'pairs'}{tail}"


def _plain(text: str) -> str:
    """Shorten a name, and keep matplotlib from taking dollar signs for formulas."""
    short = text if len(text) <= _LONGEST else f"...{text[-_LONGEST:]}"
    return "".join(sign if sign.isprintable() else "?" for sign in short).replace("$", r"\$")
