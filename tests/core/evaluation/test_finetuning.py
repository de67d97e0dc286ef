from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.evaluation.finetuning import (
    Examples,
    FinetuneConfig,
    dice_scores,
    finetune,
)
from napari_localdisc.core.evaluation.initialisation import Initialisation
from napari_localdisc.core.evaluation.labelled_sets import LabelledImage, labels_to_canvas
from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom
from tests.conftest import tiny_encoder

CPU = torch.device("cpu")
PREPARE = tiny_encoder().card.preprocessing


def xrays(seeds: range) -> list[LabelledImage]:
    phantoms = [xray_phantom(seed, 64) for seed in seeds]
    return [
        labels_to_canvas("x", phantom.image, phantom.masks["lungs"], 64) for phantom in phantoms
    ]


class TestExamples:
    def test_what_does_not_count_is_marked(self):
        phantom = fundus_phantom(0, 64)
        image = labels_to_canvas("f", phantom.image, phantom.masks["optic-disc"], 64)
        card = tiny_encoder(3).card.model_copy(update={"field_of_view": True})
        examples = Examples.of([image], card.preprocessing)
        wanted = examples.wanted[0].numpy()
        np.testing.assert_array_equal(wanted == 1, image.truth)
        np.testing.assert_array_equal(wanted == -1, ~image.field)
        assert examples.inputs.shape == (1, 9, 64, 64)


class TestFinetune:
    def test_learns_in_seconds(self):
        test = Examples.of(xrays(range(10, 13)), PREPARE)
        card = tiny_encoder().card.model_copy(update={"widths": (8, 8, 8)})
        network = Initialisation("random", card).build(0, CPU).eval()
        before = np.mean(dice_scores(network, test))
        losses = []
        config = FinetuneConfig(steps=60, batch=4, crop=64, learning_rate=1e-2)
        run = finetune(network, Examples.of(xrays(range(4)), PREPARE), config, "mirror")
        drain(run, lambda event: losses.append(event.values["loss"]))
        assert len(losses) == 60
        assert np.mean(losses[-10:]) < 0.6 * np.mean(losses[:10])
        assert np.mean(dice_scores(network, test)) > max(0.8, before + 0.2)

    @pytest.mark.parametrize("turns", ["none", "mirror", "square"])
    def test_the_seed_decides(self, turns):
        examples, config = Examples.of(xrays(range(2)), PREPARE), FinetuneConfig(steps=3, crop=32)
        weights = []
        for seed in (0, 0, 1):
            network = Initialisation("random", tiny_encoder().card).build(0, CPU)
            drain(finetune(network, examples, config, turns, seed))
            assert not network.training
            weights.append(network.head.weight.detach())
        assert torch.equal(weights[0], weights[1])
        assert not torch.equal(weights[0], weights[2])

    def test_a_crop_without_a_pixel_that_counts_does_no_harm(self):
        blank = Examples(torch.randn(1, 3, 64, 64).half(), torch.full((1, 64, 64), -1).char())
        network = Initialisation("random", tiny_encoder().card).build(0, CPU)
        drain(finetune(network, blank, FinetuneConfig(steps=2, batch=1, crop=32)))
        assert all(torch.isfinite(weight).all() for weight in network.parameters())

    def test_a_canvas_smaller_than_the_crop_is_taken_whole(self):
        network = Initialisation("random", tiny_encoder().card).build(0, CPU)
        examples = Examples.of(xrays(range(1)), PREPARE)
        drain(finetune(network, examples, FinetuneConfig(steps=1, crop=256)))


class TestScores:
    def test_are_those_of_the_masks(self):
        images = xrays(range(3))
        network = Initialisation("random", tiny_encoder().card).build(1, CPU).eval()
        examples = Examples.of(images, PREPARE)
        with torch.inference_mode():
            shares = network(examples.inputs.float()).softmax(dim=1)[:, 1].numpy()
        expected = [dice(s > 0.5, image.truth) for s, image in zip(shares, images, strict=True)]
        assert dice_scores(network, examples) == pytest.approx(expected)

    def test_count_only_the_field_of_view(self):
        examples = Examples.of(xrays(range(1)), PREPARE)
        network = Initialisation("random", tiny_encoder().card).build(1, CPU).eval()
        network.head.weight.data.zero_()
        network.head.bias.data = torch.tensor([0.0, 1.0])  # everything is the structure
        wanted = examples.wanted.clone()
        wanted[wanted == 0] = -1
        assert dice_scores(network, Examples(examples.inputs, wanted)) == (1.0,)


class TestInitialisation:
    def test_starts_from_the_weights_of_the_encoder(self):
        encoder = tiny_encoder()
        built = Initialisation("ours", encoder.card, encoder.network).build(7, CPU)
        for name, weight in encoder.network.body.state_dict().items():
            assert torch.equal(built.body.state_dict()[name], weight)
        built.body.down[0][0].weight.data.zero_()
        assert encoder.network.body.down[0][0].weight.abs().sum() > 0

    def test_one_seed_gives_all_the_same_head(self):
        encoder = tiny_encoder()
        ours = Initialisation("ours", encoder.card, encoder.network)
        blank = Initialisation("random", encoder.card)
        assert torch.equal(ours.build(3, CPU).head.weight, blank.build(3, CPU).head.weight)
        assert not torch.equal(ours.build(3, CPU).head.weight, ours.build(4, CPU).head.weight)
        bodies = [blank.build(seed, CPU).body.down[0][0].weight for seed in (3, 3, 4)]
        assert torch.equal(bodies[0], bodies[1])
        assert not torch.equal(bodies[0], bodies[2])

    def test_fingerprints_tell_weights_and_preprocessing_apart(self):
        first, second = tiny_encoder(), tiny_encoder()
        print_of = Initialisation("a", first.card, first.network).fingerprint
        assert Initialisation("b", second.card, second.network).fingerprint == print_of
        other = first.card.model_copy(update={"sigmas": (3.0, 24.0)})
        assert Initialisation("a", other, first.network).fingerprint != print_of
        second.network.body.down[0][0].weight.data += 1e-3
        assert Initialisation("a", second.card, second.network).fingerprint != print_of
        assert Initialisation("a", first.card).fingerprint.startswith("random weights")
