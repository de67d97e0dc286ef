from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.guidance.choose.prior_match import PriorMatch
from napari_localdisc.core.guidance.choose.stage_result import (
    StageResult,
    result_warnings,
)
from napari_localdisc.core.guidance.config import show_kl
from napari_localdisc.core.guidance.working_resolution import WorkingResolution
from napari_localdisc.core.priors import simulate


@pytest.fixture(scope="module")
def judged():
    """A prior_match of optic discs, and references that it has not seen, as probabilities."""
    prior = simulate("optic-disc", 8, size=128)
    resolution = WorkingResolution.of(prior, load_encoder("fundus").card, 128)
    discs = torch.from_numpy(simulate("optic-disc", 4, seed=9, size=128).masks).float()
    return PriorMatch(resolution.references(prior), resolution), torch.cat(
        [1 - discs, discs], dim=1
    )


FIELDS = torch.ones(4, 128, 128, dtype=torch.bool)


def test_masks_like_the_references_are_not_doubted(judged):
    prior_match, probabilities = judged
    result = StageResult.from_probabilities("start", probabilities, FIELDS, prior_match)
    assert result_warnings(result, prior_match) == ()
    assert result.area(FIELDS) == pytest.approx(float(probabilities[:, 1].mean()), rel=0.01)
    assert result.thresholds == (0.5,)


def test_masks_unlike_the_references_are_doubted(judged):
    prior_match, probabilities = judged
    stripes = torch.zeros_like(probabilities)
    stripes[:, 1, :, ::16] = stripes[:, 1, :, 1::16] = 1
    stripes[:, 1, :8] = 1
    stripes[:, 0] = 1 - stripes[:, 1]
    result = StageResult.from_probabilities("start", stripes, FIELDS, prior_match)
    assert any(
        "do not look like the prior" in warning for warning in result_warnings(result, prior_match)
    )


def test_masks_that_are_far_from_sure_are_doubted(judged):
    prior_match, probabilities = judged
    faint = probabilities * torch.tensor([1.0, 0.51])[:, None, None]
    faint[:, 1] += 0.2 * (probabilities[:, 0] > 0)
    faint[:, 0] = 1 - faint[:, 1]
    sure, unsure = (
        StageResult.from_probabilities("start", each, FIELDS, prior_match)
        for each in (probabilities, faint)
    )
    np.testing.assert_array_equal(sure.labels, unsure.labels)
    assert sure.confidence == pytest.approx(1)
    assert unsure.confidence < 0.2
    (warning,) = result_warnings(unsure, prior_match)
    assert f"very low ({unsure.confidence:.2f})" in warning


def test_a_kl_beyond_all_measure_is_not_spelt_out(judged):
    prior_match, probabilities = judged
    result = replace(
        StageResult.from_probabilities("start", probabilities, FIELDS, prior_match), kl=3.2e11
    )
    assert "(shape KL very large)" in result_warnings(result, prior_match)[0]
    assert (
        "(shape KL very large)" in result_warnings(replace(result, kl=float("nan")), prior_match)[0]
    )
    assert [show_kl(kl) for kl in (0.876, 999.0, float("inf"))] == ["0.88", "999.00", "very large"]


def test_nothing_found_is_said(judged):
    prior_match, probabilities = judged
    nothing = torch.zeros_like(probabilities)
    nothing[:, 0] = 1
    result = StageResult.from_probabilities("start", nothing, FIELDS, prior_match)
    assert not result.labels.any()
    assert any(
        warning.startswith("nothing was found") for warning in result_warnings(result, prior_match)
    )


def test_outside_the_field_nothing_counts(judged):
    prior_match, probabilities = judged
    result = StageResult.from_probabilities(
        "start", probabilities, torch.zeros_like(FIELDS), prior_match
    )
    assert not result.labels.any()
    assert result.area(torch.zeros_like(FIELDS)) == 0
