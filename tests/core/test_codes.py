from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_localdisc.core.codes import CodeBook, told_codes
from napari_localdisc.core.mixture import AXES, fit_mixture
from tests.core.blobs import blobs


def test_a_pixel_has_the_code_of_the_nearest_centre():
    vectors, _ = blobs()
    mixture = fit_mixture(vectors, clusters=5, axes=AXES, seed=0)
    book = CodeBook(11, 5)
    book.hold(mixture)
    found = book(torch.from_numpy(vectors.T.reshape(1, 11, 30, 30).copy()))
    placed = (vectors - mixture.mean) @ mixture.axes.T
    away = ((placed[:, None] - mixture.centres) ** 2).sum(axis=2)
    assert len(mixture.axes) < AXES
    np.testing.assert_array_equal(found.flatten(), away.argmin(axis=1))


class TestToldCodes:
    @pytest.fixture
    def case(self):
        torch.manual_seed(0)
        told = (torch.randn(1, 3, 2, 2), torch.randn(2, 3, 2, 2))
        codes = (torch.randint(3, (1, 2, 2)), torch.randint(3, (2, 2, 2)))
        return told, codes

    def test_both_views_count_the_same(self, case):
        told, codes = case
        found = told_codes(told, codes, torch.ones(2, 2, 2, dtype=torch.bool))
        each = [
            -F.log_softmax(t, dim=1).gather(1, c[:, None]).mean()
            for t, c in zip(told, codes, strict=True)
        ]
        assert found == pytest.approx(float(sum(each)) / 2)

    def test_what_a_view_does_not_show_counts_nothing(self, case):
        told, codes = case
        shown = torch.ones(2, 2, 2, dtype=torch.bool)
        shown[0, 1] = False
        before = told_codes(told, codes, shown)
        told[1][0, :, 1] += torch.randn(3, 2)
        codes[1][0, 1] = 0
        assert told_codes(told, codes, shown) == pytest.approx(float(before))
