from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from napari_localdisc.core.encoder.encoder import load_encoder
from napari_localdisc.core.guidance.choose.prior_match import Judge
from napari_localdisc.core.guidance.choose.stage_result import (
    Verdict,
    disagreements,
    doubts,
    revise,
)
from napari_localdisc.core.guidance.config import show_kl
from napari_localdisc.core.guidance.working_resolution import Plan
from napari_localdisc.core.priors import simulate


@pytest.fixture(scope="module")
def judged():
    """A judge of optic discs, and references that it has not seen, as probabilities."""
    prior = simulate("optic-disc", 8, size=128)
    plan = Plan.of(prior, load_encoder("fundus").card, 128)
    discs = torch.from_numpy(simulate("optic-disc", 4, seed=9, size=128).masks).float()
    return Judge(plan.references(prior), plan), torch.cat([1 - discs, discs], dim=1)


FIELDS = torch.ones(4, 128, 128, dtype=torch.bool)


def test_masks_like_the_references_are_not_doubted(judged):
    judge, shares = judged
    verdict = Verdict.on("start", shares, FIELDS, judge)
    assert doubts(verdict, judge) == ()
    assert verdict.area(FIELDS) == pytest.approx(float(shares[:, 1].mean()), rel=0.01)
    assert verdict.thresholds == (0.5,)


def test_masks_unlike_the_references_are_doubted(judged):
    judge, shares = judged
    stripes = torch.zeros_like(shares)
    stripes[:, 1, :, ::16] = stripes[:, 1, :, 1::16] = 1
    stripes[:, 1, :8] = 1
    stripes[:, 0] = 1 - stripes[:, 1]
    verdict = Verdict.on("start", stripes, FIELDS, judge)
    assert any("do not look like the prior" in warning for warning in doubts(verdict, judge))


def test_masks_that_are_far_from_sure_are_doubted(judged):
    judge, shares = judged
    faint = shares * torch.tensor([1.0, 0.51])[:, None, None]
    faint[:, 1] += 0.2 * (shares[:, 0] > 0)
    faint[:, 0] = 1 - faint[:, 1]
    sure, unsure = (Verdict.on("start", each, FIELDS, judge) for each in (shares, faint))
    np.testing.assert_array_equal(sure.labels, unsure.labels)
    assert sure.confidence == pytest.approx(1)
    assert unsure.confidence < 0.2
    (warning,) = doubts(unsure, judge)
    assert f"very low ({unsure.confidence:.2f})" in warning


def test_a_kl_beyond_all_measure_is_not_spelt_out(judged):
    judge, shares = judged
    verdict = replace(Verdict.on("start", shares, FIELDS, judge), kl=3.2e11)
    assert "(shape KL very large)" in doubts(verdict, judge)[0]
    assert "(shape KL very large)" in doubts(replace(verdict, kl=float("nan")), judge)[0]
    assert [show_kl(kl) for kl in (0.876, 999.0, float("inf"))] == ["0.88", "999.00", "very large"]


def test_nothing_found_is_said(judged):
    judge, shares = judged
    nothing = torch.zeros_like(shares)
    nothing[:, 0] = 1
    verdict = Verdict.on("start", nothing, FIELDS, judge)
    assert not verdict.labels.any()
    assert any(warning.startswith("nothing was found") for warning in doubts(verdict, judge))


def test_outside_the_field_nothing_counts(judged):
    judge, shares = judged
    verdict = Verdict.on("start", shares, torch.zeros_like(FIELDS), judge)
    assert not verdict.labels.any()
    assert verdict.area(torch.zeros_like(FIELDS)) == 0


def test_heads_that_disagree():
    one, other = np.zeros((2, 8, 8), np.uint8), np.zeros((2, 8, 8), np.uint8)
    one[:, :4], other[:, 3:] = 1, 1
    assert disagreements([one, one]) == ()
    assert disagreements([one]) == ()
    (warning,) = disagreements([one, other])
    assert "Dice 0.22" in warning


def test_labels_that_a_classifier_contradicts_are_open_and_open_ones_are_decided():
    labels = torch.tensor([[[1, 1, 0, 0, -1, -1, 2]]], dtype=torch.int8)
    one = torch.tensor([0.6, 0.1, 0.1, 0.6, 0.8, 0.6, 0.1])
    two = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.7])
    shares = torch.stack([1 - one - two, one, two])[None, :, None]
    revised = revise(labels, shares, (0.5, 0.5))
    assert revised.tolist() == [[[1, -1, 0, -1, 1, -1, 2]]]
    assert labels.tolist() == [[[1, 1, 0, 0, -1, -1, 2]]]


def test_a_low_threshold_is_sure_earlier():
    labels = torch.full((1, 1, 3), -1, dtype=torch.int8)
    share = torch.tensor([0.2, 0.35, 0.02])
    shares = torch.stack([1 - share, share])[None, :, None]
    assert revise(labels, shares, (0.1,)).tolist() == [[[-1, 1, -1]]]
