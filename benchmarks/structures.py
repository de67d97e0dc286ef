"""Guidance on structures of many modalities, beside the mean of the references and Otsu.

python benchmarks/structures.py [heart ...] [--data FOLDER] [--seeds 0 1 2] [--page FILE]

Of each structure ten masks are the prior and twenty images of other patients are guided on and
scored; another seed draws other masks and other images, and seeds guidance. All structures are run
with the same default settings. No mask of a scored image is ever seen by guidance.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from skimage.filters import threshold_otsu
from skimage.transform import resize

from napari_localdisc.base.progress import drain
from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.guidance.config import GuideConfig
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.formats.images import read_picture
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.reports.tables import markdown_table
from napari_localdisc.tasks.guide import guide_on_files

STRUCTURES = {
    "heart": ("jsrt", ("heart",)),
    "clavicles": ("jsrt", ("left_clavicle", "right_clavicle")),
    "skin lesion": ("ph2", ("lesion",)),
    "fetal head": ("hc18", ("fetal_head",)),
    "left ventricle": ("acdc", ("lv_cavity",)),
    "right ventricle": ("acdc", ("rv_cavity",)),
    "myocardium": ("acdc", ("myocardium",)),
    "nuclei": ("dsb_fluorescence", ("nuclei",)),
    "cell nucleus": ("wbc", ("nucleus",)),
    "cell": ("wbc", ("cell",)),
    "polyp": ("polyps_kvasir", ("polyp",)),
    "mandible": ("panoramic", ("mandible",)),
    "teeth": ("panoramic", ("teeth",)),
}
PRIOR, SCORED = 10, 20
LEAST = 0.001
"""Share of an image that a structure must cover to be there."""
WRONG = 0.5
"""Mean Dice below which a run must warn."""


@dataclass(frozen=True)
class Row:
    """Mean Dice of one structure with one seed."""

    structure: str
    seed: int
    ours: float
    worst: float
    mean_mask: float
    otsu: float
    seconds: float
    warned: bool

    @property
    def silent(self) -> bool:
        """Whether it is wrong, or worse than the mean of the references, without a word."""
        return not self.warned and self.ours < max(WRONG, self.mean_mask)


@dataclass(frozen=True)
class Case:
    """Files of a structure: images, and their masks joined into one target."""

    images: dict[str, Path]
    masks: tuple[dict[str, Path], ...]

    @classmethod
    def of(cls, data: Path, structure: str) -> Case:
        """Find the files of a structure in a folder of sets."""
        folder, names = STRUCTURES[structure]
        masks = tuple(_by_stem(data / folder / name) for name in names)
        return cls(_by_stem(data / folder / "images"), masks)

    def truth(self, stem: str) -> np.ndarray:
        """Read the mask of an image, bool (H, W)."""
        return np.any([read_mask(files[stem]) > 0 for files in self.masks], axis=0)

    def draw(self, seed: int) -> tuple[list[str], list[str]]:
        """Names of the images whose masks are the prior, and of those that are scored."""
        usable = [
            stem
            for stem in sorted(self.images)
            if all(stem in files for files in self.masks) and self.truth(stem).mean() > LEAST
        ]
        np.random.default_rng(seed).shuffle(usable)
        return usable[:PRIOR], usable[PRIOR : PRIOR + SCORED]


def measure(
    structure: str, data: Path, seed: int, encoder: str, settings: dict[str, object] | None = None
) -> Row:
    """Guide on images of a structure and score the masks, with settings other than the default."""
    case = Case.of(data, structure)
    drawn, scored = case.draw(seed)
    masks = [case.truth(stem) for stem in drawn]
    began = time.perf_counter()
    guided = drain(
        guide_on_files(
            [case.images[stem] for stem in scored],
            Prior.from_masks(masks, structure),
            encoder,
            GuideConfig(seed=seed, **settings or {}),
            "auto",
        )
    )
    ours, trivial, otsu = [], [], []
    mean = np.mean([resize(mask.astype(float), (256, 256)) for mask in masks], axis=0) > 0.5
    for stem in scored:
        image, truth = read_picture(case.images[stem]), case.truth(stem)
        ours.append(dice(guided.segmenter.segment(image).labels > 0, truth))
        trivial.append(dice(resize(mean.astype(float), truth.shape, order=0) > 0.5, truth))
        otsu.append(_otsu(image, truth))
    seconds = time.perf_counter() - began
    tenth = sorted(ours)[: max(1, len(ours) // 10)]
    return Row(
        structure,
        seed,
        *(float(np.mean(scores)) for scores in (ours, tenth, trivial, otsu)),
        seconds,
        bool(guided.guidance.warnings),
    )


def _otsu(image: np.ndarray, truth: np.ndarray) -> float:
    """Dice of Otsu's threshold, of whichever side fits the truth better."""
    grey = image if image.ndim == 2 else image.mean(axis=2)
    above = grey > threshold_otsu(grey) if np.ptp(grey) else np.zeros(grey.shape, bool)
    return max(dice(above, truth), dice(~above, truth))


def _by_stem(folder: Path) -> dict[str, Path]:
    return {path.stem: path for path in sorted(folder.iterdir())}


COLUMNS = (
    "Dice",
    "spread over seeds",
    "worst tenth",
    "mean of the references",
    "Otsu, the better side",
    "seconds",
    "warned",
    "silent failures",
)


def table(rows: Sequence[Row]) -> str:
    """Lay out a line a structure, over its seeds, and one for the mean of all."""
    names = [*dict.fromkeys(row.structure for row in rows), "mean"]
    cells = {}
    for name in names:
        some = [row for row in rows if name in (row.structure, "mean")]
        each = [np.mean([r.ours for r in some if r.seed == s]) for s in {r.seed for r in some}]
        found = [
            f"{np.mean([r.ours for r in some]):.3f}",
            f"{np.ptp(each):.3f}",
            *(
                f"{np.mean([getattr(r, k) for r in some]):.3f}"
                for k in ("worst", "mean_mask", "otsu")
            ),
            f"{np.mean([r.seconds for r in some]):.0f}",
            f"{sum(r.warned for r in some)} of {len(some)}",
            str(sum(r.silent for r in some)),
        ]
        cells |= {(name, column): text for column, text in zip(COLUMNS, found, strict=True)}
    return markdown_table("structure", COLUMNS, names, cells)


def main() -> None:
    """Print a row a run, then the table; write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("structures", nargs="*", default=list(STRUCTURES))
    parser.add_argument("--data", type=Path, default=Path("../shared/data/structures"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--encoder", default="auto", help="random: untrained weights")
    parser.add_argument("--page", type=Path, help="Markdown page to write")
    options = parser.parse_args()
    rows = []
    for structure in options.structures:
        for seed in options.seeds:
            rows.append(measure(structure, options.data, seed, options.encoder))
            print(rows[-1], file=sys.stderr, flush=True)
    text = table(rows)
    print(text)
    if options.page:
        command = f"python benchmarks/structures.py --seeds {' '.join(map(str, options.seeds))}"
        options.page.write_text(f"{_INTRODUCTION}\n\n    {command}\n\n{text}\n")


_INTRODUCTION = """# Structures of many modalities

Ten masks of other patients are the prior. Twenty images are guided on and scored, with the same
default settings for all structures. Otsu's threshold takes the side that fits the truth better,
which no user could know. Written by this command:"""


if __name__ == "__main__":
    main()
