from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.imaging.arrays import as_image
from napari_localdisc.core.imaging.canvas import image_to_canvas
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from napari_localdisc.core.pretraining.sampling.image_pool import fill_pool
from tests.conftest import tiny_encoder

CPU = torch.device("cpu")
RNG = np.random.default_rng(0)
IMAGES = {
    "as large as the canvas": xray_phantom(0, 64).image,
    "lying": RNG.integers(0, 256, (40, 64), np.uint8),
    "standing": RNG.integers(0, 256, (64, 33), np.uint8),
    "larger": xray_phantom(1, 150).image,
    "smaller": RNG.integers(0, 256, (40, 30), np.uint8),
    "16 bits": xray_phantom(3, 64).image.astype(np.uint16) * 100,
    "colour": fundus_phantom(0, 64).image,
}


@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.parametrize("channels", [1, 3])
def test_is_the_framed_image_to_8_bits(name, channels):
    card = tiny_encoder(channels).card.model_copy(update={"field_of_view": channels == 3})
    pool = drain(fill_pool([IMAGES[name]], [0], card))
    pixels, field = pool.take([0], CPU)
    wanted, wanted_field = image_to_canvas(as_image(IMAGES[name]), card.preprocessing, 64)
    assert pixels.shape == (1, channels, 64, 64)
    torch.testing.assert_close(pixels, (wanted * 255).round() / 255)
    inside = torch.zeros_like(field)
    inside[(..., *pool.images[0].place(64))] = 1
    torch.testing.assert_close(field, wanted_field if channels == 3 else inside)


def test_what_fits_is_not_copied():
    fitting = [IMAGES["lying"], IMAGES["standing"]]
    pool = drain(fill_pool(fitting, [1, 0], tiny_encoder().card))
    for image, kept in zip(fitting, reversed(pool.images), strict=True):
        assert np.shares_memory(image, kept.pixels)


def test_many_large_images_are_held_small_and_looked_at_once():
    class Reading:
        def __init__(self):
            self.seen = []

        def __len__(self):
            return 40

        def __getitem__(self, index):
            self.seen.append(index)
            return np.full((700, 900), index, np.uint8)

    reading = Reading()
    pool = drain(fill_pool(reading, range(40), tiny_encoder().card))
    assert reading.seen == list(range(40))
    assert sum(image.pixels.nbytes for image in pool.images) <= 40 * 64 * 64


@pytest.mark.skipif(sys.platform != "linux", reason="reads the process's memory from /proc")
def test_filling_leaves_no_holes_in_memory():
    # In a process of its own: one that has run for a while has holes to fill.
    result = subprocess.run([sys.executable, "-c", _FILL], capture_output=True, text=True)
    grown, held = map(int, result.stdout.split())
    assert held > 100 * 2**20
    assert grown < 1.5 * held


_FILL = """
import numpy as np, torch
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.pretraining.sampling.image_pool import fill_pool
from napari_localdisc.base.progress import drain
torch.set_num_threads(1)
resident = lambda: int(open("/proc/self/statm").read().split()[1]) * 4096
card = EncoderCard(name="x", modality="x", channels=3, working_size=512)
image = np.random.default_rng(0).integers(0, 256, (300, 360, 3), np.uint8)
drain(fill_pool([image], [0] * 3, card))
before = resident()
pool = drain(fill_pool([image], [0] * 180, card))
print(resident() - before, sum(image.pixels.nbytes for image in pool.images))
"""


def test_a_digest_for_each_content():
    card = tiny_encoder().card
    a, b = IMAGES["lying"], IMAGES["lying"].copy()
    b[0, 0] ^= 1
    turned = np.ascontiguousarray(a.T)
    pool = drain(fill_pool([a, a.copy(), b, turned], range(4), card))
    first, again, changed, other = (image.digest for image in pool.images)
    assert first == again
    assert len({first, changed, other}) == 3
