"""The structures that accuracy is measured on: images, a prior, and masks to score against."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.ndimage import label
from skimage.io import imread, imsave

DRIVE = "fundus/drive/test"
DRISHTI = "fundus/drishti_gs1"
SHENZHEN = "chest_xray/shenzhen"


def left_and_right(masks: Path, out: Path) -> None:
    """Split masks of lungs into 1, the right one (on the image's left), and 2, the left one."""
    out.mkdir(parents=True, exist_ok=True)
    for path in sorted(masks.glob("*.png")):
        parts, _ = label(imread(path) > 0)
        sizes = np.bincount(parts.ravel())[1:]
        largest = np.argsort(-sizes)[:2] + 1
        largest = sorted(largest, key=lambda part: np.nonzero(parts == part)[1].mean())
        labels = np.zeros(parts.shape, dtype=np.uint8)
        for number, part in enumerate(largest):
            labels[parts == part] = number + 1
        imsave(out / path.name, labels, check_contrast=False)


@dataclass(frozen=True)
class Task:
    """One row of the table.

    Attributes
    ----------
    name : str
    images, truth, fov : str
        Folders below the data; no field of view where that is empty.
    prior : str
        A built-in name, or a folder below the data.
    floor : float or None
        The paper's figure.
    wanted : float
        What we set out to reach.
    label : int or None
        The target that is scored, where the prior has several and the truth one.
    split : callable or None
        Makes the true masks, in a folder, from those below the data.
    baselines : tuple of str
        Names in `baselines`.
    ready : bool
        Whether the prior is the name of a ready-made segmenter, which no seed changes.
    """

    name: str
    images: str
    prior: str
    truth: str
    floor: float | None
    wanted: float
    fov: str = ""
    label: int | None = None
    split: Callable[[Path, Path], None] | None = None
    baselines: tuple[str, ...] = ()
    ready: bool = False

    @property
    def slug(self) -> str:
        """Its name as a folder's."""
        return self.name.replace(", ", "-").replace(" ", "-")

    def named_by(self, words: Sequence[str]) -> bool:
        """Whether its name begins with one of some words; any does if there are none."""
        return not words or any(self.name.startswith(word) for word in words)

    def spec(self, data: Path) -> str:
        """Name the prior as the command line takes it."""
        return str(data / self.prior) if "/" in self.prior else self.prior

    def masks(self, data: Path, out: Path) -> Path:
        """Return the folder of true masks."""
        if self.split is None:
            return data / self.truth
        made = out / f"{self.slug}-truth"
        self.split(data / self.truth, made)
        return made

    def how(self, data: Path, seed: int) -> tuple[str, ...]:
        """Options of ``segment``."""
        if self.ready:
            return ("--segmenter", self.prior)
        return ("--prior", self.spec(data), "--seed", str(seed))


THIN = ("Sato", "Frangi", "k-means")
COMPACT = ("Otsu", "k-means")


def _vessels(name: str, prior: str, floor: float | None, wanted: float) -> Task:
    masks = f"{DRIVE}/1st_manual"
    fov = f"{DRIVE}/mask"
    return Task(name, f"{DRIVE}/images", prior, masks, floor, wanted, fov)


def _ready(name: str, segmenter: str, guided: Task) -> Task:
    """Do what another task does, by a ready-made segmenter."""
    return replace(guided, name=name, prior=segmenter, floor=None, baselines=(), ready=True)


GUIDED = (
    replace(
        _vessels("vessels, DRIVE masks", "fundus/drive/training/1st_manual", 0.6625, 0.75),
        baselines=THIN,
    ),
    _vessels("vessels, OCTA masks", "priors/octa_vessels", 0.5735, 0.72),
    _vessels("vessels, 20 simulated", "vessels", None, 0.72),
    Task(
        "vessels of CHASE, OCTA masks",
        "fundus/chase_db1/images",
        "priors/octa_vessels",
        "fundus/chase_db1/vessels",
        None,
        0.68,
        baselines=THIN,
    ),
    Task(
        "optic disc, 20 simulated",
        f"{DRISHTI}/images",
        "optic-disc",
        f"{DRISHTI}/disc",
        0.8360,
        0.90,
        baselines=COMPACT,
    ),
    Task(
        "optic cup, 20 simulated",
        f"{DRISHTI}/images",
        "optic-cup",
        f"{DRISHTI}/cup",
        None,
        0.75,
        label=2,
        baselines=COMPACT,
    ),
    Task(
        "lungs, 20 simulated",
        f"{SHENZHEN}/images",
        "lungs",
        f"{SHENZHEN}/lungs",
        0.8120,
        0.90,
        baselines=("mean prior", *COMPACT),
    ),
    Task(
        "left and right lung, 20 simulated",
        f"{SHENZHEN}/images",
        "lungs-left-right",
        f"{SHENZHEN}/lungs",
        None,
        0.88,
        split=left_and_right,
        baselines=("mean prior",),
    ),
)
"""Guided on the images themselves."""
_READY = {
    "ready-made vessels, DRIVE": ("vessels", "vessels, 20 simulated"),
    "ready-made vessels, CHASE": ("vessels", "vessels of CHASE, OCTA masks"),
    "ready-made optic-disc": ("optic-disc", "optic disc, 20 simulated"),
    "ready-made optic-cup": ("optic-cup", "optic cup, 20 simulated"),
    "ready-made lungs": ("lungs", "lungs, 20 simulated"),
}
"""Segmenters, and the tasks that they do without being guided."""
_guided = {task.name: task for task in GUIDED}
TASKS = (*GUIDED, *(_ready(name, own, _guided[of]) for name, (own, of) in _READY.items()))
