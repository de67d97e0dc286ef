"""Dice of annotation-free segmentation on real images, beside the classical baselines.

Every figure of ours comes from the commands that a user runs: ``napari-localdisc segment`` with a
prior or a ready-made segmenter, then ``napari-localdisc evaluate`` against masks that nothing
before has seen. A run of all tasks writes docs/accuracy.md, with its pictures beside it.

python benchmarks/accuracy.py [--data ../shared/data] [--out accuracy] [--page docs/accuracy.md]
    [--seeds 0] [--fast] [lungs fovea ...]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cases
import fovea
import trust
from baselines import BASELINES, best_clusters
from tasks import DRIVE, TASKS, Task

from napari_localdisc.files.pairs import match_names
from napari_localdisc.formats.images import find_images
from napari_localdisc.formats.masks import find_masks
from napari_localdisc.stores.priors import load_prior

COMMAND = [str(Path(sys.executable).with_name("napari-localdisc"))]
HEAD = "| task | Dice | paper | wanted | baselines | seconds | rank | surest 80 % |"
PICTURES = {
    "cases": "The worst, a typical and the best mask of each task: black and white agree, blue was"
    " missed, orange is too much",
    "confidence": "Dice against confidence, and risk against coverage",
}
RULE = "|---" * (HEAD.count("|") - 1) + "|"


@dataclass
class Result:
    """What became of a task.

    Attributes
    ----------
    dice, seconds : list of float
        Per seed.
    evaluation : dict
        Of the first seed, by ``evaluate --json``.
    trust : Trust
        Confidence and Dice of the first seed.
    baselines : dict of str to float
    """

    task: Task
    dice: list[float]
    seconds: list[float]
    evaluation: dict[str, Any]
    trust: trust.Trust
    baselines: dict[str, float] = field(default_factory=dict)

    @property
    def row(self) -> str:
        """A line of the table."""
        spread = f" ± {statistics.stdev(self.dice):.3f}" if len(self.dice) > 1 else ""
        paper = "" if self.task.floor is None else f"{self.task.floor:.3f}"
        others = ", ".join(f"{name} {dice:.3f}" for name, dice in self.baselines.items())
        cells = (
            self.task.name,
            f"**{statistics.mean(self.dice):.3f}**{spread}",
            paper,
            f"{self.task.wanted:.2f}",
            others,
            f"{statistics.mean(self.seconds):.0f}",
            f"{self.trust.rank:.2f}",
            f"{self.trust.kept(0.8):.3f}",
        )
        return f"| {' | '.join(cells)} |"


def run(*arguments: object) -> str:
    """Run the command line and return what it printed."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(map(str, arguments))} ended with {done.returncode}")
    return done.stdout


class Bench:
    """One task on its images."""

    def __init__(self, task: Task, data: Path, out: Path) -> None:
        self.task, self.data, self.out = task, data, out
        self.truth = task.masks(data, out)

    def evaluate(self, masks: Path) -> dict[str, Any]:
        """Score a folder of masks by ``evaluate --json``."""
        extra: list[object] = ["--json"]
        if self.task.fov:
            extra += ["--fov", self.data / self.task.fov]
        if self.task.label:
            extra += ["--label", self.task.label]
        told: dict[str, Any] = json.loads(run("evaluate", masks, self.truth, *extra))
        return told

    def segment(self, seed: int) -> tuple[Path, float]:
        """Segment by the prior; return the masks and the seconds it took."""
        masks = self.out / f"{self.task.slug}-seed{seed}"
        return masks, segment(self.data / self.task.images, masks, self.task.how(self.data, seed))

    def baseline(self, name: str) -> float:
        """Score what a user has at hand without us."""
        images = self.data / self.task.images
        if name not in BASELINES:
            return best_clusters(self._examples())
        masks = self.out / f"{self.task.slug}-{name.replace(' ', '-')}"
        BASELINES[name](images, load_prior(self.task.spec(self.data)), masks)
        return float(self.evaluate(masks)["dice"])

    def _examples(self) -> list[tuple[Path, Path, Path | None]]:
        images = find_images([self.data / self.task.images])
        fields = find_masks(self.data / self.task.fov) if self.task.fov else []
        views = match_names(images, fields) if fields else {}
        truths = match_names(images, find_masks(self.truth))
        return [(image, mask, views.get(image)) for image, mask in truths.items()]

    def result(self, seeds: list[int]) -> Result:
        """Score ours for some seeds, then the baselines."""
        runs = [self.segment(seed) for seed in (seeds[:1] if self.task.ready else seeds)]
        told = [self.evaluate(masks) for masks, _ in runs]
        return Result(
            self.task,
            [float(one["dice"]) for one in told],
            [seconds for _, seconds in runs],
            told[0],
            trust.Trust.of(runs[0][0], told[0]),
            {name: self.baseline(name) for name in self.task.baselines},
        )


def segment(images: Path, masks: Path, how: Sequence[str]) -> float:
    """Run ``segment``; return the seconds it took."""
    start = time.perf_counter()
    run("segment", images, "-o", masks, *how, "-q")
    return time.perf_counter() - start


def foveas(data: Path, out: Path, seeds: list[int]) -> str:
    """Say how many foveas are where they should be, per seed."""
    told = []
    for seed in seeds:
        masks = out / f"fovea-seed{seed}"
        segment(data / DRIVE / "images", masks, ("--prior", "fovea", "--seed", str(seed)))
        found = fovea.places(masks).values()
        told.append(f"{sum(place.plausible for place in found)} of {len(found)}")
    return f"One fovea, 2 to 3 disc diameters temporal of the disc (DRIVE test): {', '.join(told)}."


def page(path: Path, results: Sequence[Result], foveas_said: str, seconds: float) -> str:
    """Write up what was run, for a reader who was not there."""
    seeds = max((len(result.dice) for result in results), default=0)
    lines = [
        "# Accuracy",
        "",
        f"Written by `{command()}` in {seconds / 60:.0f} minutes on {os.cpu_count()} CPU cores,"
        f" {seeds} seed{'s' if seeds != 1 else ''}. Mean Dice over all images, none of whose masks"
        " were seen; *paper* is Chen et al. 2021, *wanted* what we set out to reach; seconds are"
        " those of `napari-localdisc segment` on the whole set, guidance included; *rank* is"
        " Spearman's correlation of confidence and Dice, *surest 80 %* the mean Dice of the"
        " images of highest confidence. Baselines: k-means on `multiscale_basic_features`,"
        " best cluster chosen by the truth itself.",
        "",
        HEAD,
        RULE,
        *(result.row for result in results),
    ]
    if foveas_said:
        lines += ["", foveas_said]
    for name, words in PICTURES.items() if results else ():
        lines += ["", f"![{words}]({path.stem}-{name}.png)", "", f"*{words}.*"]
    return "\n".join(lines) + "\n"


def command() -> str:
    """Return the command line of this run, as a reader would type it."""
    return " ".join(["python benchmarks/accuracy.py", *sys.argv[1:]])


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", help="words that tasks to run begin with, or fovea")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("accuracy"), help="masks")
    parser.add_argument(
        "--page", type=Path, help="by default docs/accuracy.md, of some tasks OUT/accuracy.md"
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--fast", action="store_true", help="ready-made segmenters alone")
    return parser.parse_args()


def main() -> None:
    """Print the table row by row, then write the page and its pictures."""
    given = options()
    if not given.data.is_dir():
        raise SystemExit(f"{given.data} is not there; give --data FOLDER with the real images.")
    start, results = time.perf_counter(), []
    words = ["ready-made"] if given.fast else given.tasks
    print(f"{HEAD}\n{RULE}", flush=True)
    for task in TASKS:
        if task.named_by(words):
            results.append(Bench(task, given.data, given.out).result(given.seeds))
            print(results[-1].row, flush=True)
    said = foveas(given.data, given.out, given.seeds) if not words or "fovea" in words else ""
    print(said)
    path = given.page or (given.out if words else Path("docs")) / "accuracy.md"
    path.write_text(page(path, results, said, time.perf_counter() - start))
    draw(path, results)


def draw(path: Path, results: Sequence[Result]) -> None:
    """Draw confidence, and cases from good to bad, beside the page."""
    if results:
        runs = {one.task.name: one.trust for one in results}
        trust.draw(path.with_name(f"{path.stem}-confidence.png"), runs)
        shown = [(one.task.name, one.evaluation, one.task.label) for one in results]
        cases.draw(path.with_name(f"{path.stem}-cases.png"), shown)


if __name__ == "__main__":
    main()
