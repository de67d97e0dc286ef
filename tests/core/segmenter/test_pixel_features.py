from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.base.progress import Progress, drain
from napari_localdisc.core.segmenter import pixel_features
from napari_localdisc.core.segmenter.pixel_features import features_of, pixel_set, prepare
from tests.conftest import tiny_encoder

SIDE, DEVICE = 64, torch.device("cpu")


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (60 + 4 * number, 64), dtype=np.uint8) for number in range(7)]


def test_every_image_has_its_own_features_whether_the_whitening_was_fitted_to_it(
    images, monkeypatch
):
    monkeypatch.setattr(pixel_features, "_FITTED", 3)
    encoder = tiny_encoder()
    pixels = drain(pixel_set(images, encoder, SIDE, DEVICE))
    assert len(pixels) == len(images)
    for index, image in enumerate(images):
        seen, field = prepare([image], encoder.card.preprocessing, SIDE, DEVICE)
        own = features_of(seen, field, encoder.network)[0]
        expected = torch.einsum("dhw,de->ehw", own, pixels.whitening)
        assert torch.allclose(pixels.features[index].float(), expected, atol=0.05)
        assert torch.equal(pixels.fields[index], field[0, 0] > 0)


def test_features_of_one_image_are_whitened_over_its_field(images):
    pixels = drain(pixel_set(images[:1], tiny_encoder(), SIDE, DEVICE))
    points = pixels.features[0][:, pixels.fields[0]].float()
    covariance = points @ points.T / points.shape[1]
    off_diagonal = covariance - covariance.diag().diag()
    assert off_diagonal.abs().max() < 0.02
    assert covariance.diag()[-1] == pytest.approx(1, abs=0.03)  # the largest component


def test_says_how_far_it_is_once_an_image(images, monkeypatch):
    monkeypatch.setattr(pixel_features, "_FITTED", 3)
    seen = [
        step.done
        for step in pixel_set(images, tiny_encoder(), SIDE, DEVICE)
        if isinstance(step, Progress)
    ]
    assert seen == list(range(1, len(images) + 1))
