from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_localdisc.core.guidance.choose.prior_match import PriorMatch
from napari_localdisc.core.guidance.choose.stage_result import size_warnings
from napari_localdisc.core.guidance.working_resolution import WorkingResolution
from napari_localdisc.core.priors import CANVAS, simulate
from tests.conftest import tiny_encoder

SIZE = 128


@pytest.fixture(scope="module")
def prior_match() -> PriorMatch:
    prior = simulate("optic-disc", 20, 0)
    resolution = WorkingResolution.of(prior, tiny_encoder().card, SIZE)
    return PriorMatch(resolution.references(prior), resolution)


def ellipses(across: float, tall: float = 1.0) -> np.ndarray:
    """Ellipses where the simulated discs are, of a width relative to theirs."""
    prior = simulate("optic-disc", 20, 1)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    masks = []
    for mask in prior.masks[:, 0]:
        middle = np.argwhere(mask).mean(axis=0) * SIZE / CANVAS
        radius = across * np.sqrt(mask.sum() / np.pi) * SIZE / CANVAS
        away = ((rows - middle[0]) / tall) ** 2 + ((columns - middle[1]) * tall) ** 2
        masks.append(away <= radius**2)
    return np.stack(masks).astype(np.uint8)


FIELDS = torch.ones(20, SIZE, SIZE, dtype=torch.bool)


def test_the_size_of_a_compact_target_counts_for_little(prior_match):
    same = prior_match.kl(ellipses(1.0), FIELDS)
    assert prior_match.kl(ellipses(1.3), FIELDS) < same + 0.5
    assert prior_match.kl(ellipses(0.8), FIELDS) < same + 0.5


def test_the_size_of_a_posed_reference_counts():
    prior = simulate("optic-disc", 20, 0)
    resolution = WorkingResolution.of(prior, tiny_encoder().card, SIZE)
    strict = PriorMatch(resolution.references(prior), resolution, at_one_size=False)
    assert strict.kl(ellipses(1.3), FIELDS) > strict.kl(ellipses(1.0), FIELDS) + 1


def test_its_shape_counts(prior_match):
    assert (
        prior_match.kl(ellipses(1.0, tall=1.6), FIELDS) > prior_match.kl(ellipses(1.0), FIELDS) + 1
    )


def test_another_structure_is_not_taken_for_it(prior_match):
    assert prior_match.kl(ellipses(3.0), FIELDS) > prior_match.kl(ellipses(1.3), FIELDS) + 1


def test_nothing_is_unlike_it(prior_match):
    assert (
        prior_match.kl(np.zeros_like(ellipses(1.0)), FIELDS)
        > prior_match.kl(ellipses(1.0), FIELDS) + 1
    )


@pytest.mark.parametrize(("across", "says"), [(1.0, None), (1.4, None), (0.5, "0."), (2.0, "4.")])
def test_far_larger_or_smaller_masks_are_doubted(prior_match, across, says):
    found = size_warnings(ellipses(across), prior_match, ("optic-disc",))
    if says is None:
        assert found == ()
    else:
        assert f"optic-disc was found {says}" in found[0]


def test_nothing_found_is_no_question_of_size(prior_match):
    assert size_warnings(np.zeros((2, SIZE, SIZE), np.uint8), prior_match, ("optic-disc",)) == ()


def test_few_masks_have_a_high_kl_by_chance(prior_match):
    fields = FIELDS[:1]
    one = float(np.median([prior_match.kl(mask[None], fields) for mask in ellipses(1.0)]))
    assert prior_match.kl(ellipses(1.0), FIELDS) < 1 < one < prior_match.chance_kl(1)
    assert prior_match.chance_kl(1) > prior_match.chance_kl(2) > prior_match.chance_kl(4)
    assert prior_match.chance_kl(11) == prior_match.chance_kl(40) == 0


def test_by_chance_is_that_of_single_references(prior_match):
    alone = [
        prior_match.kl(mask.byte().numpy(), FIELDS[:1])
        for mask in prior_match.references[:8].unbind()
    ]
    assert prior_match.chance_kl(1) == pytest.approx(max(alone))


@pytest.fixture(scope="module")
def of_vessels() -> PriorMatch:
    prior = simulate("vessels", 5, 0)
    resolution = WorkingResolution.of(prior, tiny_encoder().card, 256)
    return PriorMatch(resolution.references(prior), resolution)


def test_tidy_masks_of_a_curvilinear_target_have_the_area_of_the_prior(of_vessels):
    """A tree whose probability falls to the side, and crumbs that no reference has."""
    tree = gaussian_filter(of_vessels.references[0, 0].numpy().astype(np.float32), 2)
    crumbs = np.zeros_like(tree)
    crumbs[4::12, 4::12] = 1
    target = torch.from_numpy(np.maximum(tree, crumbs))
    probabilities = torch.stack([1 - target, target])[None]
    (threshold,) = of_vessels.thresholds(probabilities, torch.ones(1, 256, 256, dtype=torch.bool))
    (statistics,) = of_vessels.resolution.shape_statistics
    mask = statistics.tidy(probabilities[0, 1].numpy() > threshold)
    assert not mask[tree < 0.01].any()
    assert mask.mean() == pytest.approx(statistics.density, rel=0.05)


def test_a_curvilinear_target_that_is_nowhere_has_the_lowest_threshold(of_vessels):
    nothing = torch.zeros(1, 2, 256, 256)
    fields = torch.ones(1, 256, 256, dtype=torch.bool)
    assert of_vessels.thresholds(nothing, fields) == (0.02,)
