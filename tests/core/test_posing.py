from __future__ import annotations

import pytest
import torch
from scipy.ndimage import distance_transform_cdt

from napari_localdisc.core.cleanup import ShapeRules
from napari_localdisc.core.features import PixelSet
from napari_localdisc.core.plan import Plan
from napari_localdisc.core.posing import CompactPosterior
from napari_localdisc.core.preprocessing import Preprocessing
from napari_localdisc.core.priors import Prior
from napari_localdisc.core.progress import drain

SIDE = 48
PLACES = [(16, 16), (16, 32), (32, 16), (32, 32), (24, 24), (20, 28)]


def disc(row, column, radius):
    line = torch.arange(SIDE)
    return (line[:, None] - row) ** 2 + (line[None] - column) ** 2 <= radius**2


@pytest.fixture(scope="module")
def posterior():
    """Discs in noise, in a halo that is half as bright and as wide again as they are."""
    generator = torch.Generator().manual_seed(0)
    references = torch.stack([disc(*place, radius) for place in PLACES for radius in (7, 9)])
    prior = Prior("discs", ("disc",), references[:, None].numpy())
    plan = Plan(SIDE, SIDE, (ShapeRules.of(prior, 0),))
    bright = torch.stack([disc(r, c, 7) + 0.5 * disc(r, c, 11) for r, c in PLACES])
    features = torch.randn(len(PLACES), 3, SIDE, SIDE, generator=generator) * 0.3
    features[:, 0] += bright
    fields = torch.ones(len(PLACES), SIDE, SIDE, dtype=torch.bool)
    pixels = PixelSet(features, features, fields, torch.eye(3), Preprocessing(1, False))
    return CompactPosterior(pixels, references[:, None], plan, starts=3, seed=0)


@pytest.fixture(scope="module")
def whole(posterior):
    return drain(posterior.start())


class TestStart:
    def test_shapes_are_found(self, whole):
        for share, place in zip(whole[0].share, PLACES, strict=True):
            assert (share[disc(*place, 5)] > 0.5).all()
            assert not (share[~disc(*place, 13)] > 0.5).any()

    def test_only_the_border_is_undecided(self, whole):
        (evidence,) = whole
        for share, certain in zip(evidence.share, evidence.certain, strict=True):
            assert 0 < (~certain).sum() < (share > 0.5).sum()


class TestOpenBorder:
    def test_what_two_ways_of_posing_say_otherwise_is_left_undecided(self, posterior, whole):
        (opened,) = drain(posterior.open_border(whole)).evidence
        assert not (opened.certain & ~whole[0].certain).any()
        assert opened.certain.sum() < whole[0].certain.sum()
        assert torch.equal(opened.share, whole[0].share)

    def test_what_is_certain_is_right(self, posterior, whole):
        (opened,) = drain(posterior.open_border(whole)).evidence
        for share, certain, place in zip(opened.share, opened.certain, PLACES, strict=True):
            assert not ((share > 0.5) & certain & ~disc(*place, 11)).any()
            assert not ((share < 0.5) & certain & disc(*place, 5)).any()

    def test_what_lies_closely_around_is_left_undecided(self, posterior, whole):
        (opened,) = drain(posterior.open_border(whole)).evidence
        (near,) = drain(posterior._posed(posterior.place, by_border=True))
        posed = ((whole[0].share > 0.5) | (near.share > 0.5)).numpy()
        for certain, inside in zip(opened.certain.numpy(), posed, strict=True):
            away = distance_transform_cdt(~inside, "chessboard")
            assert not certain[(away == 1)].any()
            assert certain[away > 1].all()

    def test_agreement_is_that_of_both_ways(self, posterior, whole):
        border = drain(posterior.open_border(whole))
        (near,) = drain(posterior._posed(posterior.place, by_border=True))
        one, other = whole[0].share > 0.5, near.share > 0.5
        dice = [2 * (a & b).sum() / (a.sum() + b.sum()) for a, b in zip(one, other, strict=True)]
        assert border.agreement == pytest.approx(float(torch.stack(dice).mean()), abs=1e-6)
