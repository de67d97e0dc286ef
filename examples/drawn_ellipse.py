"""Draw one ellipse, say how far it may vary, find what looks like it, and measure it."""

from pathlib import Path

import numpy as np
from PIL import Image
from skimage.draw import ellipse

import napari_localdisc as ld

SAMPLES = Path(__file__).parents[1] / "sample_data"

images = [np.asarray(Image.open(path)) for path in sorted((SAMPLES / "fundus").glob("*.png"))]

drawing = np.zeros(images[0].shape[:2], bool)
height, width = drawing.shape
drawing[ellipse(height * 0.5, width * 0.7, height * 0.09, width * 0.08)] = True
prior = ld.Prior.from_masks([drawing], name="my drawing", targets=["optic-disc"]).vary(20)

found = ld.guide(images, prior, quick=True)
result = found.segmenter.segment(images[0])
Image.fromarray((result.labels > 0).astype(np.uint8) * 255).save("optic-disc.png")
for number in ld.measure(result, spacing=(0.02, 0.02), unit="mm", image=images[0]):
    print(f"{number.target}: {number.name} {number.value:.2f} {number.unit}")
