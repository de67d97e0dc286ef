"""Find a structure by masks of other patients, in images that nobody has labelled."""

from pathlib import Path

import numpy as np
from PIL import Image

import napari_localdisc as ld

SAMPLES = Path(__file__).parents[1] / "sample_data"


def show(event: ld.Progress) -> None:
    """Print the divergence from the prior as it falls."""
    if event.stage == "preview":
        print(event.message)


images = sorted((SAMPLES / "chest-xray").glob("*.png"))
prior = ld.Prior.load(SAMPLES / "priors" / "drawn-lungs").vary(20)

# quick takes seconds and is less exact; leave it out for your own images.
found = ld.guide(images, prior, quick=True, on_progress=show)
for warning in found.warnings:
    print("warning:", warning)

for path in images[:2]:
    result = found.segmenter.segment(np.asarray(Image.open(path)))
    truth = np.asarray(Image.open(path.parent / "lungs" / path.name))
    (score,) = ld.evaluate(result, truth)
    print(f"{path.name}: Dice {score.dice:.2f}, confidence {result.score:.2f}")
