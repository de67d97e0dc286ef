from __future__ import annotations

import numpy as np
import pytest
import torch

import napari_localdisc as ld
from napari_localdisc.api.encoders import encoder_for
from napari_localdisc.core.encoder.untrained import untrained_encoder
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from napari_localdisc.stores.chosen_encoder import EncoderChoice

FUNDUS, XRAY = fundus_phantom(0, 64).image, xray_phantom(0, 64).image


class TestLoading:
    def test_by_name_and_by_path(self, encoder_file):
        assert ld.load_encoder("chest-xray").name == "chest-xray"
        assert ld.load_encoder(encoder_file).name == ld.load_encoder(str(encoder_file)).name

    def test_auto_waits_for_an_image(self):
        auto = ld.load_encoder("auto")
        assert encoder_for(FUNDUS, auto).name == "fundus"
        assert encoder_for(XRAY, auto).name == encoder_for(XRAY, None).name == "chest-xray"

    def test_random_weights_depend_on_the_seed_alone(self):
        first, again, other = (
            encoder_for(XRAY, ld.load_encoder("random", seed)) for seed in (1, 1, 2)
        )
        assert first.card.training_sets == ()
        weights = [next(one.network.parameters()) for one in (first, again, other)]
        assert torch.equal(weights[0], weights[1])
        assert not torch.equal(weights[0], weights[2])
        assert not torch.equal(weights[0], next(encoder_for(XRAY, None).network.parameters()))

    def test_random_weights_leave_the_chance_of_others_alone(self):
        card = ld.load_encoder("fundus").card
        torch.manual_seed(5)
        expected = torch.rand(1)
        torch.manual_seed(5)
        untrained_encoder(card, seed=1)
        assert torch.equal(torch.rand(1), expected)

    def test_missing(self):
        with pytest.raises(ld.LocaldiscError, match="neither shipped"):
            ld.load_encoder("heart")


class TestEmbed:
    @pytest.mark.parametrize("encoder", ["auto", "random", EncoderChoice(), None])
    def test_unit_vectors(self, encoder):
        events: list[ld.Progress] = []
        vectors = ld.embed(XRAY[:, :50], encoder, on_progress=events.append)
        assert vectors.shape[:2] == (64, 50)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=-1), 1, atol=1e-4)
        assert events[-1].done == events[-1].total

    def test_steps_return_the_same(self):
        steps, events = ld.embed_steps(XRAY), 0
        try:
            while True:
                next(steps)
                events += 1
        except StopIteration as stop:
            np.testing.assert_array_equal(stop.value, ld.embed(XRAY))
        assert events

    @pytest.mark.parametrize("image", [np.zeros((2, 3, 4, 5)), np.full((20, 20), np.nan)])
    def test_no_image(self, image):
        with pytest.raises(ld.LocaldiscError, match="image"):
            ld.embed(image)

    def test_no_such_device(self):
        with pytest.raises(ld.LocaldiscError, match="'tpu' is not available"):
            ld.embed(XRAY, device="tpu")


class TestClusters:
    def test_of_the_encoder(self):
        labels = ld.clusters(FUNDUS)
        assert labels.shape == (64, 64)
        assert labels.max() <= ld.load_encoder("fundus").card.clusters
        assert labels[0, 0] == 0  # outside the field of view

    @pytest.mark.parametrize("k", [2, 5])
    def test_of_any_number(self, k: int):
        labels = ld.clusters(XRAY, "chest-xray", k, seed=3)
        assert set(np.unique(labels)) == set(range(1, k + 1))
        sizes = np.bincount(labels.ravel())[1:]
        assert sizes[0] == pytest.approx(sizes.max(), rel=0.1)  # the largest first
        np.testing.assert_array_equal(labels, ld.clusters(XRAY, "chest-xray", k, seed=3))

    @pytest.mark.parametrize("k", [0, 1, 256])
    def test_too_few_or_many(self, k: int):
        with pytest.raises(ld.LocaldiscError, match="ask for 2 to 255 clusters"):
            ld.clusters(XRAY, k=k)
