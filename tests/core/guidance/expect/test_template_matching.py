from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_cdt

from napari_localdisc.base.progress import drain
from napari_localdisc.core.guidance.expect.template_matching import TemplateMatchingPosterior
from napari_localdisc.core.guidance.working_resolution import WorkingResolution
from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.core.priors.prior import CANVAS, Prior
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics
from napari_localdisc.core.segmenter.pixel_features import PixelSet

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
    resolution = WorkingResolution(SIDE, SIDE, (ShapeStatistics.of(prior, 0),))
    bright = torch.stack([disc(r, c, 7) + 0.5 * disc(r, c, 11) for r, c in PLACES])
    features = torch.randn(len(PLACES), 3, SIDE, SIDE, generator=generator) * 0.3
    features[:, 0] += bright
    fields = torch.ones(len(PLACES), SIDE, SIDE, dtype=torch.bool)
    pixels = PixelSet(features, features, fields, torch.eye(3), Preprocessing(1, False))
    return TemplateMatchingPosterior(pixels, references[:, None], resolution, starts=3, seed=0)


@pytest.fixture(scope="module")
def whole(posterior):
    return drain(posterior.match())


@pytest.fixture(scope="module")
def near(posterior, whole):
    return drain(posterior._match(whole.location_penalty, by_border=True))


class TestStart:
    def test_shapes_are_found(self, whole):
        for share, place in zip(whole.evidence[0].probability, PLACES, strict=True):
            assert (share[disc(*place, 5)] > 0.5).all()
            assert not (share[~disc(*place, 13)] > 0.5).any()

    def test_only_the_border_is_undecided(self, whole):
        (evidence,) = whole.evidence
        for share, certain in zip(evidence.probability, evidence.certain, strict=True):
            assert 0 < (~certain).sum() < (share > 0.5).sum()


class TestOpenBorders:
    def test_what_lies_along_the_border_is_left_undecided(self, posterior, whole):
        (opened,), _ = drain(posterior.open_borders(whole))
        self._check(
            posterior,
            opened,
            whole.evidence[0].probability > 0.5,
            whole.evidence[0].probability > 0.5,
        )
        assert torch.equal(opened.probability, whole.evidence[0].probability)

    def test_so_is_what_two_ways_of_posing_say_otherwise(self, posterior, whole, near):
        _, (opened,) = drain(posterior.open_borders(whole))
        one, other = whole.evidence[0].probability > 0.5, near[0].probability > 0.5
        assert not torch.equal(one, other)
        self._check(posterior, opened, one & other, one | other)
        assert torch.equal(opened.probability, whole.evidence[0].probability)

    @staticmethod
    def _check(posterior, opened, core, hull):
        width = posterior.resolution.shape_statistics[0].width * SIDE / CANVAS
        for certain, inner, outer in zip(opened.certain.numpy(), core, hull, strict=True):
            within = distance_transform_cdt(inner.numpy(), "chessboard")
            around = distance_transform_cdt(~outer.numpy(), "chessboard")
            decided = (within > round(0.15 * width)) | (around > round(0.25 * width))
            np.testing.assert_array_equal(certain, decided)

    def test_what_is_certain_is_right(self, posterior, whole):
        for (opened,) in drain(posterior.open_borders(whole)):
            for share, certain, place in zip(
                opened.probability, opened.certain, PLACES, strict=True
            ):
                assert not ((share > 0.5) & certain & ~disc(*place, 11)).any()
                assert not ((share < 0.5) & certain & disc(*place, 5)).any()
