"""Whether low confidence finds the failures: confidence against Dice, image by image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib import colormaps
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from napari_localdisc.base.csv_tables import read_table
from napari_localdisc.base.texts import read_text

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Trust:
    """Confidence and Dice of the images of one run.

    Attributes
    ----------
    confidence, dice : ndarray, shape (n,)
    """

    confidence: Floats
    dice: Floats

    @classmethod
    def of(cls, results: Path, evaluation: Mapping[str, Any]) -> Trust:
        """Read a folder of results and what ``evaluate --json`` said of it."""
        _, rows = read_table(read_text(results / "report.csv"))
        told = {row["output"]: row["confidence"] for row in rows}
        found: dict[str, list[float]] = {}
        for score in evaluation["files"]:
            found.setdefault(Path(score["prediction"]).name, []).append(score["dice"])
        confidence = np.array([float(told[name]) for name in found])
        return cls(confidence, np.array([np.mean(dice) for dice in found.values()]))

    @property
    def rank(self) -> float:
        """Spearman's correlation of confidence and Dice."""
        return float(spearmanr(self.confidence, self.dice).statistic)

    def kept(self, share: float) -> float:
        """Mean Dice of the most confident share of the images."""
        count = max(1, round(share * len(self.dice)))
        return float(self.dice[np.argsort(-self.confidence, kind="stable")][:count].mean())

    def best(self, share: float) -> float:
        """Return what `kept` would be if the worst images were those left out."""
        count = max(1, round(share * len(self.dice)))
        return float(np.sort(self.dice)[::-1][:count].mean())


def draw(path: Path, runs: Mapping[str, Trust]) -> None:
    """Draw calibration (left) and risk against coverage (right), a colour for each run."""
    figure = Figure(figsize=(10, 4.4), layout="constrained")
    calibration, risk = figure.subplots(1, 2)
    calibration.set_prop_cycle(color=colormaps["tab20"].colors)
    shares = np.linspace(0.05, 1, 39)
    for name, run in runs.items():
        drawn = calibration.scatter(run.confidence, run.dice, s=8, alpha=0.6, label=name)
        colour = drawn.get_facecolor()[0][:3]
        risk.plot(100 * shares, [1 - run.kept(share) for share in shares], color=colour)
        risk.plot(
            100 * shares, [1 - run.best(share) for share in shares], ":", color=colour, alpha=0.6
        )
    calibration.plot([0, 1], [0, 1], color="0.6", linewidth=1)
    calibration.set(xlabel="confidence", ylabel="Dice", xlim=(0, 1), ylim=(0, 1))
    risk.set(xlabel="most confident images, %", ylabel="1 - mean Dice (dotted: at best)")
    figure.legend(loc="outside upper center", ncols=4, frameon=False, fontsize=8)
    figure.savefig(path, dpi=110)
