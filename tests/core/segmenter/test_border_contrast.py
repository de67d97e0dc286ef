from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.core.segmenter.border_contrast import border_contrast
from napari_localdisc.core.segmenter.linear_discriminant import discriminate
from napari_localdisc.core.segmenter.pixel_features import PixelSet

SIDE = 48


def disc(radius):
    line = torch.arange(SIDE)
    inside = (line[:, None] - 24) ** 2 + (line[None] - 24) ** 2 <= radius**2
    return inside.expand(4, 1, SIDE, SIDE)


@pytest.fixture(scope="module")
def features():
    """A disc of radius 12 in noise, along a direction that is none of the axes."""
    noise = torch.randn(4, 3, SIDE, SIDE, generator=torch.Generator().manual_seed(0))
    return noise + torch.tensor([2.0, -1.0, 0.5])[:, None, None] * disc(12)


@pytest.fixture(scope="module")
def pixels(features):
    fields = torch.ones(4, SIDE, SIDE, dtype=torch.bool)
    return PixelSet(features.half(), features.half(), fields, torch.eye(3), Preprocessing(1, False))


class TestDiscriminant:
    def test_direction_is_that_of_scikit_learn(self, features):
        fields = torch.ones(4, SIDE, SIDE, dtype=torch.bool)
        found = discriminate(features, fields, disc(12), ~disc(12))
        points = features.permute(0, 2, 3, 1).flatten(0, 2).numpy()
        model = LinearDiscriminantAnalysis().fit(points, disc(12).flatten().numpy())
        wanted = model.coef_[0] / np.linalg.norm(model.coef_)
        own = found.directions[0].numpy() / np.linalg.norm(found.directions[0])
        assert own @ wanted > 0.995

    def test_fisher_ratio_worked_by_hand(self):
        shown = torch.tensor([4.0, 6.0, 1.0, -1.0]).view(1, 1, 2, 2)
        features = torch.cat([shown, torch.zeros_like(shown)], dim=1)
        masks = torch.tensor([[True, True], [False, False]])[None, None]
        fields = torch.ones(1, 2, 2, dtype=torch.bool)
        found = discriminate(features, fields, masks, ~masks)
        assert found.fisher == pytest.approx(5**2 / (2 + 2))

    def test_offset_lies_half_way(self, features):
        fields = torch.ones(4, SIDE, SIDE, dtype=torch.bool)
        found = discriminate(features, fields, disc(12), ~disc(12))
        scores = torch.einsum("ndhw,d->nhw", features, found.directions[0])
        inside, outside = (scores[m[:, 0]].mean() for m in (disc(12), ~disc(12)))
        assert found.offsets[0] == pytest.approx(float(inside + outside) / 2, abs=1e-4)

    def test_what_lies_outside_the_field_has_no_direction(self, features):
        fields = torch.ones(4, SIDE, SIDE, dtype=torch.bool)
        masks = torch.cat([disc(12), torch.zeros_like(disc(12))], dim=1)
        found = discriminate(features, fields, masks, ~masks)
        alone = discriminate(features, fields, disc(12), ~disc(12))
        torch.testing.assert_close(found.directions[0], alone.directions[0])
        assert not found.directions[1].any()
        assert found.fisher == pytest.approx(alone.fisher / 2)


class TestBorderContrast:
    def test_is_highest_where_the_border_is(self, pixels):
        contrast = [border_contrast(disc(radius), pixels) for radius in (8, 12, 16)]
        assert contrast[1] > 4 * max(contrast[0], contrast[2])

    @pytest.mark.parametrize("empty", [disc(12) & False, disc(99)])
    def test_nothing_has_no_border(self, pixels, empty):
        assert border_contrast(empty, pixels) == 0

    @pytest.mark.parametrize("radius", [6, 12])
    def test_a_border_beyond_the_field_of_view_is_not_seen(self, pixels, radius):
        narrow = PixelSet(
            pixels.features,
            pixels.normalised,
            disc(radius)[:, 0],
            pixels.whitening,
            pixels.preprocessing,
        )
        assert border_contrast(disc(12), narrow) == 0
