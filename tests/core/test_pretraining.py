from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from napari_localdisc.core.augmentation import Turn, photometric
from napari_localdisc.core.encoder import load_encoder, save_encoder
from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from napari_localdisc.core.points import PointSampler
from napari_localdisc.core.pretraining import PretrainConfig, pretrain
from napari_localdisc.core.progress import drain
from tests.conftest import tiny_encoder

CONFIG = PretrainConfig(steps=3, images=2, crops=2, crop=32, scales=(1.0, 0.5), warmup=0.3)


@pytest.fixture(scope="module")
def images():
    return [xray_phantom(seed, 64 + 16 * seed).image for seed in range(3)]


class TestPretrain:
    def test_reports_every_step_and_gives_an_encoder(self, images, tmp_path):
        events = []
        card = tiny_encoder().card
        encoder = drain(pretrain(images, card, CONFIG), events.append)
        steps = [event for event in events if event.stage == "pretrain"]
        assert [event.done for event in steps] == [1, 2, 3]
        assert set(steps[0].values) == {"patch", "mixup", "loss", "clusters"}
        assert {"region", "entropy", "balance"} < set(steps[-1].values)
        for event in steps:
            assert all(math.isfinite(value) for value in event.values.values())
            assert 1 <= event.values["clusters"] <= card.clusters
        assert encoder.card.training["steps"] == 3
        assert encoder.card.training["images_used"] == 3
        save_encoder(encoder, tmp_path / "new.safetensors")
        assert load_encoder(tmp_path / "new.safetensors").card == encoder.card

    def test_the_seed_decides(self, images):
        card = tiny_encoder().card
        first, again, other = (
            drain(pretrain(images, card, CONFIG.model_copy(update={"seed": seed}))).network
            for seed in (0, 0, 1)
        )
        pairs = zip(first.state_dict().values(), again.state_dict().values(), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
        weights = [network.body.down[0][0].weight for network in (first, other)]
        assert not torch.equal(*weights)

    def test_learns(self, images):
        losses = []
        config = CONFIG.model_copy(update={"steps": 30, "warmup": 1.0, "crops": 4})
        card = tiny_encoder().card.model_copy(update={"widths": (8, 8), "embedding_dim": 8})
        drain(pretrain(images, card, config), lambda e: losses.append(e.values.get("patch")))
        patch = [loss for loss in losses if loss is not None]
        assert np.mean(patch[-5:]) < 0.9 * np.mean(patch[:5])

    def test_colour(self):
        images = [fundus_phantom(seed, 64).image for seed in range(2)]
        card = tiny_encoder(3).card.model_copy(update={"field_of_view": True})
        one_step = CONFIG.model_copy(update={"steps": 1})
        assert drain(pretrain(images, card, one_step)).card.channels == 3

    def test_too_few_images(self, images):
        for few in ([], images[:1]):
            with pytest.raises(LocaldiscError, match=f"at least 2 images, got {len(few)}"):
                drain(pretrain(few, tiny_encoder().card, CONFIG))


class TestTurn:
    @pytest.mark.parametrize("quarters", range(4))
    @pytest.mark.parametrize("mirrored", [True, False])
    def test_undo(self, quarters, mirrored):
        x = torch.arange(24.0).view(1, 1, 4, 6)
        turn = Turn(quarters, mirrored)
        assert torch.equal(turn.undo(turn(x)), x)

    def test_all_eight_are_drawn(self):
        generator = torch.Generator().manual_seed(0)
        assert len({Turn.draw(generator) for _ in range(200)}) == 8


class TestPoints:
    def test_windows_and_neighbours(self):
        points = PointSampler(side=32, reach=8, seed=0).draw(3)
        assert points.owner.unique().tolist() == [0, 1, 2]
        for places in (points.rows, points.columns):
            assert 0 <= places.min() <= places.max() < 32
            assert (places.amax(dim=1) - places.amin(dim=1)).max() < 8
        assert not points.near.diagonal(dim1=1, dim2=2).any()
        assert torch.equal(points.near, points.near.transpose(1, 2))

    def test_gather_picks_the_named_pixels(self):
        maps = torch.arange(2 * 3 * 16 * 16.0).view(2, 3, 16, 16)
        points = PointSampler(side=16, reach=16, seed=1).draw(2)
        vectors = points.gather(maps)
        owner, row, column = points.owner[7], points.rows[7, 5], points.columns[7, 5]
        assert torch.equal(vectors[7, 5], maps[owner, :, row, column])
        assert points.far(vectors).shape[1] == 3


@pytest.mark.parametrize("channels", [1, 3])
def test_photometric_keeps_the_shape_and_changes_the_picture(channels):
    torch.manual_seed(0)
    image = torch.rand(2, channels, 32, 32)
    varied = photometric(channels)(image)
    assert varied.shape == image.shape
    assert not torch.allclose(varied, image)
