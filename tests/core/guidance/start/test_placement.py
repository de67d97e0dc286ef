from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.base.progress import drain
from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.guidance.config import GuideConfig
from napari_localdisc.core.guidance.guidance import guide
from napari_localdisc.core.guidance.start.placement import Placement, Starting
from napari_localdisc.core.imaging.window import WHOLE
from napari_localdisc.core.priors import simulate
from napari_localdisc.core.priors.pose_prior import PosePrior
from napari_localdisc.core.priors.prior import Prior

SIDE = 96
CPU = torch.device("cpu")


def disc(row, column, radius=9):
    line = np.arange(SIDE)
    return (line[:, None] - row) ** 2 + (line[None] - column) ** 2 <= radius**2


def scene(seed):
    """Two discs that look the same, one at the upper left and one at the lower right, and both."""
    rng = np.random.default_rng(seed)
    one, other = (disc(*(place + rng.integers(-3, 4, 2))) for place in ((30, 34), (66, 64)))
    image = 90.0 + 60 * (one | other) + rng.normal(0, 8, (SIDE, SIDE))
    return image.clip(0, 255).astype(np.uint8), one, other


@pytest.fixture(scope="module")
def scenes():
    return [scene(seed) for seed in range(6)]


@pytest.fixture(scope="module")
def prior():
    rng = np.random.default_rng(9)
    masks = [disc(*(np.array((66, 64)) + rng.integers(-3, 4, 2))) for _ in range(6)]
    return Prior.from_masks(masks, "lower disc")


class TestPlacement:
    def test_of_references_that_lie_together_has_a_window(self, prior):
        placement = Placement.of(prior, "auto", CPU)
        assert placement is not None
        assert placement.window != WHOLE

    def test_there_is_none_where_a_person_says_anywhere(self, prior):
        assert Placement.of(prior, "free", CPU) is None

    def test_a_reference_that_lacks_the_structure_says_nothing(self, prior):
        masks = np.concatenate([np.zeros_like(prior.masks[:1]), prior.masks])
        with_empty = Placement.of(Prior(prior.name, prior.targets, masks), "auto", CPU)
        without = Placement.of(prior, "auto", CPU)
        assert with_empty is not None
        assert without is not None
        assert with_empty.window == without.window
        assert with_empty.prior.log_size_spread == without.prior.log_size_spread

    @pytest.mark.parametrize("name", ["optic-disc", "optic-cup", "fovea", "vessels"])
    def test_there_is_none_for_what_lies_anywhere_or_is_a_network(self, name):
        assert Placement.of(simulate(name, 12, size=128), "auto", CPU) is None


@pytest.fixture(scope="module")
def guided(scenes, prior):
    config = GuideConfig.quick().model_copy(update={"refine_steps": 30, "size": 96})
    images = [image for image, _, _ in scenes]
    return drain(guide(images, prior, load_encoder("chest-xray"), config))


class TestGuidanceFromAPlace:
    def test_of_two_alike_the_one_where_it_was_drawn_is_found(self, guided, scenes):
        for image, upper, lower in scenes:
            labels = guided.segmenter.segment(image).labels
            assert dice(labels > 0, lower) > 0.8
            assert not (labels[upper] > 0).any()

    def test_the_segmenter_looks_at_the_window_alone(self, guided, scenes):
        window = guided.segmenter.card.window
        assert window.side < 1
        found = guided.segmenter.segment(scenes[0][0])
        rows, columns = window.spans(SIDE)
        outside = np.ones((SIDE, SIDE), bool)
        outside[rows, columns] = False
        outside[rows.start - 1 : rows.stop + 1, columns.start - 1 : columns.stop + 1] = False
        assert not found.labels[outside].any()
        np.testing.assert_allclose(found.confidence[outside], 1, atol=1e-6)
        np.testing.assert_allclose(found.probabilities.sum(axis=0), 1, atol=1e-5)
        assert 0.5 < found.score <= 1

    def test_another_seed_finds_the_same(self, guided, scenes, prior):
        config = GuideConfig.quick(seed=5).model_copy(update={"refine_steps": 30, "size": 96})
        images = [image for image, _, _ in scenes]
        other = drain(guide(images, prior, load_encoder("chest-xray"), config))
        for image in images:
            masks = [run.segmenter.segment(image).labels > 0 for run in (guided, other)]
            assert dice(*masks) > 0.9


def test_without_alignment_shapes_stay_where_the_references_lie(scenes, prior):
    placement = Placement.of(prior, "auto", CPU)
    images = [image for image, _, _ in scenes]
    encoder = load_encoder("chest-xray")
    still, moved = (
        drain(placement.find(images, encoder, CPU, aligned=aligned)) for aligned in (False, True)
    )
    assert not still.shifts.any()
    assert torch.equal(still.masks[0], still.masks[-1])
    assert moved.shifts.any()


class TestDisagreement:
    @pytest.fixture
    def starting(self):
        masks = torch.from_numpy(np.stack([disc(30, 30), disc(34, 30)])).float()[:, None]
        return Starting(PosePrior.of(masks), torch.zeros(2, 2), masks)

    def test_masks_at_the_aligned_places_are_no_matter(self, starting):
        labels = np.stack([disc(31, 30), disc(34, 31)]).astype(np.uint8)
        assert starting.disagreement(labels) == ()

    def test_masks_elsewhere_are_warned_of(self, starting):
        labels = np.stack([disc(60, 60), disc(34, 45)]).astype(np.uint8)
        (line,) = starting.disagreement(labels)
        assert "different places (Dice 0." in line
