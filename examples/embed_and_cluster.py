"""Look into an embedding: one vector for each pixel, and the clusters that they form."""

from pathlib import Path

import numpy as np
from PIL import Image

import napari_localdisc as ld

SAMPLES = Path(__file__).parents[1] / "sample_data"

image = np.asarray(Image.open(SAMPLES / "fundus" / "fundus-1.png"))
encoder = ld.load_encoder("fundus")

vectors = ld.embed(image, encoder)
print(f"rows, columns, and numbers in a pixel's vector: {vectors.shape}")

row, column = image.shape[0] // 2, image.shape[1] // 2
alike = vectors @ vectors[row, column]
print(f"pixels that are like the one in the middle: {(alike > 0.5).mean():.1%}")

labels = ld.clusters(image, encoder, k=6)
for label in range(1, 7):
    print(f"cluster {label}: {(labels == label).mean():.1%} of the image")
Image.fromarray(labels * 40).save("clusters.png")
