"""Pretrain an encoder on your own unlabelled images, keep it, and use it in place of a shipped one.

A real one takes thousands of steps: ``napari-localdisc pretrain`` keeps checkpoints and a curve.
"""

from pathlib import Path

import numpy as np
from PIL import Image

import napari_localdisc as ld
from napari_localdisc.base.progress import drain
from napari_localdisc.core.encoder.encoder import EncoderCard, save_encoder
from napari_localdisc.core.pretraining.pretraining import PretrainConfig, pretrain

SAMPLES = Path(__file__).parents[1] / "sample_data"
STEPS = 8


def show(event: ld.Progress) -> None:
    """Print the loss."""
    if "loss" in event.values:
        print(f"step {event.done}: loss {event.values['loss']:.2f}")


images = [np.asarray(Image.open(path)) for path in sorted((SAMPLES / "chest-xray").glob("*.png"))]
card = EncoderCard(
    name="mine", modality="chest X-ray", channels=1, widths=(8, 16, 16), working_size=256
)
encoder = drain(pretrain(images, card, PretrainConfig(steps=STEPS, crop=64)), show)

path = Path("mine.safetensors")
save_encoder(encoder, path)
vectors = ld.embed(images[0], ld.load_encoder(path))
print(
    f"{encoder.name}: {vectors.shape[-1]} dimensions; now: napari-localdisc guide --encoder {path}"
)
