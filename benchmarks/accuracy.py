"""Dice of annotation-free segmentation on real images, beside the classical baselines.

Every figure comes from the commands that a user runs: ``napari-localdisc segment`` with a prior,
then ``napari-localdisc evaluate`` against masks that nothing before has seen.

python benchmarks/accuracy.py [--data ../shared/data] [--out accuracy] [--seeds 0] [lungs ...]
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage.exposure import equalize_adapthist
from skimage.filters import sato
from skimage.io import imread, imsave
from skimage.transform import resize

from napari_localdisc.core.imaging import as_image, field_of_view
from napari_localdisc.core.shapes import simulate

COMMAND = [str(Path(sys.executable).with_name("napari-localdisc"))]


@dataclass(frozen=True)
class Task:
    """One row: images, a prior, and the masks to score against.

    Attributes
    ----------
    prior : str
        A built-in name, or a folder below the data.
    floor : float
        The paper's figure.
    """

    name: str
    images: str
    prior: str
    truth: str
    floor: float
    fov: str = ""


DRIVE = "fundus/drive/test"
TASKS = (
    Task(
        "vessels, DRIVE masks",
        f"{DRIVE}/images",
        "fundus/drive/training/1st_manual",
        f"{DRIVE}/1st_manual",
        0.6625,
        f"{DRIVE}/mask",
    ),
    Task(
        "vessels, OCTA masks",
        f"{DRIVE}/images",
        "priors/octa_vessels",
        f"{DRIVE}/1st_manual",
        0.5735,
        f"{DRIVE}/mask",
    ),
    Task(
        "lungs, 20 simulated",
        "chest_xray/shenzhen/images",
        "lungs",
        "chest_xray/shenzhen/lungs",
        0.8120,
    ),
    Task(
        "optic disc, simulated",
        "fundus/drishti_gs1/images",
        "optic-disc",
        "fundus/drishti_gs1/disc",
        0.8360,
    ),
)


def run(*arguments: object) -> str:
    """Run the command line and return what it printed."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], stdout=subprocess.PIPE, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(map(str, arguments))} ended with {done.returncode}")
    return done.stdout


def score(masks: Path, task: Task, data: Path) -> float:
    """Mean Dice of a folder of masks."""
    field = ["--fov", data / task.fov] if task.fov else []
    return float(json.loads(run("evaluate", masks, data / task.truth, *field, "--json"))["dice"])


def ours(task: Task, data: Path, out: Path, seed: int) -> tuple[float, float]:
    """Dice and seconds of ``segment --prior``."""
    prior = data / task.prior if "/" in task.prior else task.prior
    start = time.perf_counter()
    run("segment", data / task.images, "-o", out, "--prior", prior, "--seed", seed, "-q")
    return score(out, task, data), time.perf_counter() - start


def sato_masks(task: Task, data: Path, out: Path) -> None:
    """Sato ridges of the equalised green channel, the strongest 14 % of the field of view."""
    for path in sorted((data / task.images).iterdir()):
        image = as_image(imread(path))
        field = field_of_view(image)
        ridges = sato(equalize_adapthist(image[..., 1]), sigmas=range(1, 5), black_ridges=True)
        found = field & (ridges > np.quantile(ridges[field], 0.86))
        imsave(out / f"{path.stem}.png", found.astype(np.uint8) * 255, check_contrast=False)


def mean_prior_masks(task: Task, data: Path, out: Path) -> None:
    """Cut the mean of the simulated masks at one half, the same for every image."""
    mean = simulate(task.prior, 20, 0).masks[:, 0].mean(axis=0)
    for path in sorted((data / task.images).iterdir()):
        shape = imread(path).shape[:2]
        side = max(shape)
        top, left = (side - shape[0]) // 2, (side - shape[1]) // 2
        found = resize(mean, (side, side))[top : top + shape[0], left : left + shape[1]] >= 0.5
        imsave(out / f"{path.stem}.png", found.astype(np.uint8) * 255, check_contrast=False)


def baseline(task: Task, data: Path, out: Path) -> tuple[str, float]:
    """Name and Dice of what a user has at hand without us."""
    thin = task.name.startswith("vessels")
    name, make = ("Sato ridge", sato_masks) if thin else ("mean of the prior", mean_prior_masks)
    make_masks: Callable[[Task, Path, Path], None] = make
    out.mkdir(parents=True, exist_ok=True)
    make_masks(task, data, out)
    return name, score(out, task, data)


def row(task: Task, data: Path, out: Path, seeds: list[int]) -> str:
    """One line of the table."""
    slug = task.name.replace(", ", "-").replace(" ", "-")
    results = [ours(task, data, out / f"{slug}-seed{seed}", seed) for seed in seeds]
    dice = [result[0] for result in results]
    spread = f" ± {statistics.stdev(dice):.3f}" if len(dice) > 1 else ""
    name, base = baseline(task, data, out / f"{slug}-baseline")
    seconds = statistics.mean(result[1] for result in results)
    return (
        f"| {task.name} | **{statistics.mean(dice):.3f}**{spread} | {task.floor:.3f} |"
        f" {name} {base:.3f} | {seconds:.0f} |"
    )


def main() -> None:
    """Print the table, and write it to ``table.md`` in the output folder."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("tasks", nargs="*", help="words that the tasks to run begin with")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--out", type=Path, default=Path("accuracy"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    options = parser.parse_args()
    if not options.data.is_dir():
        raise SystemExit(f"{options.data} is not there; give --data FOLDER with the real images.")
    lines = ["| task | Dice | paper | baseline | seconds |", "|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for task in TASKS:
        if not options.tasks or any(task.name.startswith(word) for word in options.tasks):
            lines.append(row(task, options.data, options.out, options.seeds))
            print(lines[-1], flush=True)
    (options.out / "table.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
