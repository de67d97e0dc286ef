"""Masks stay what they are, to the last pixel, unless a commit changes them and says why.

``python tests/cli/test_unchanged.py`` writes ``unchanged.json`` anew.
"""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from pathlib import Path

import numpy as np
import PIL.Image
import pytest
import torch

from napari_localdisc.cli import main

pytestmark = pytest.mark.timeout(300)  # the longest takes a minute on an idle core

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
RECORD = HERE / "unchanged.json"
SAMPLE = ROOT / "sample_data"
REAL = ROOT.parent / "shared" / "data"

XRAYS = [SAMPLE / "chest-xray" / f"xray-{number}.png" for number in (1, 2, 3)]
FUNDUS = [SAMPLE / "fundus" / f"fundus-{number}.png" for number in (1, 2, 3)]
CASES = {
    "ready-made lungs": (XRAYS, ["--segmenter", "lungs"]),
    "ready-made optic-disc": (FUNDUS, ["--segmenter", "optic-disc"]),
    "ready-made optic-cup": (FUNDUS, ["--segmenter", "optic-cup"]),
    "ready-made vessels": (FUNDUS, ["--segmenter", "vessels"]),
    "guided lungs": (XRAYS, ["--prior", "lungs", "--quick"]),
    "guided by drawn lungs": (
        XRAYS,
        ["--prior", str(SAMPLE / "priors" / "drawn-lungs"), "--quick"],
    ),
    "guided optic-disc": (FUNDUS, ["--prior", "optic-disc", "--quick"]),
    "guided vessels": (FUNDUS[:1], ["--prior", "vessels", "--quick"]),
}
REAL_CASES = {
    "real lungs": ("chest_xray/shenzhen/images", "lungs"),
    "real optic-disc": ("fundus/drishti_gs1/images", "optic-disc"),
    "real optic-cup": ("fundus/drishti_gs1/images", "optic-cup"),
    "real vessels": ("fundus/drive/test/images", "vessels"),
}


def processor() -> str:
    """Sums of floats differ in their last bits from one kind of processor to another."""
    return (
        f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()} torch {torch.__version__}"
    )


def masks_of(images: list[Path], options: list[str], output: Path) -> dict[str, object]:
    """Segment images and tell each mask by its digest and its area."""
    arguments = ["segment", *map(str, images), *options, "-o", str(output), "-q"]
    assert main([*arguments, "--device", "cpu"]) == 0
    masks = {path.stem: np.array(PIL.Image.open(path)) for path in sorted(output.glob("*.png"))}
    masks.pop("overview")
    return {
        name: {
            "sha256": hashlib.sha256(mask.tobytes()).hexdigest()[:16],
            "area": int(np.count_nonzero(mask)),
        }
        for name, mask in masks.items()
    }


def real_images(folder: str) -> list[Path]:
    return sorted((REAL / folder).iterdir())[:2]


def compare(found: dict[str, object], case: str) -> None:
    record = json.loads(RECORD.read_text())
    expected = record["masks"][case]
    if record["processor"] == processor() and not case.startswith("guided"):
        assert found == expected
    else:  # rounding differs, and training adds to it, so a border may move by some pixels
        assert {name: mask["area"] for name, mask in found.items()} == pytest.approx(
            {name: mask["area"] for name, mask in expected.items()}, rel=0.05
        )


@pytest.mark.parametrize("case", CASES)
def test_sample_data_gives_the_same_masks(case, tmp_path):
    images, options = CASES[case]
    compare(masks_of(images, options, tmp_path / "out"), case)


@pytest.mark.parametrize("case", REAL_CASES)
def test_real_images_give_the_same_masks(case, tmp_path):
    folder, segmenter = REAL_CASES[case]
    if not (REAL / folder).is_dir():
        pytest.skip(f"no {folder} in {REAL.name}: the research images are not part of a checkout")
    found = masks_of(real_images(folder), ["--segmenter", segmenter], tmp_path / "out")
    compare(found, case)


def record(work: Path) -> None:
    """Write what today's program makes of all cases."""
    torch.set_num_threads(1)
    masks = {case: masks_of(*CASES[case], work / case) for case in CASES}
    for case, (folder, segmenter) in REAL_CASES.items():
        masks[case] = masks_of(real_images(folder), ["--segmenter", segmenter], work / case)
    content = {"processor": processor(), "masks": masks}
    RECORD.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    record(Path(sys.argv[1]))
