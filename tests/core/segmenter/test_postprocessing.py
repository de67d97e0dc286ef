from __future__ import annotations

import numpy as np
import pytest
import torch

from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.imaging.canvas import Canvas
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics
from napari_localdisc.core.segmenter.postprocessing import (
    labels_from_canvas,
    postprocess,
    postprocess_at_full_size,
)

RULES = ShapeStatistics(width=40, area=0.1, density=0.9, parts=1, smallest=0.0, solid=True)
CURVILINEAR = RULES.model_copy(update={"width": 5, "solid": False})


class TestPostprocess:
    def test_thresholds_per_target(self):
        probabilities = np.zeros((3, 8, 8), np.float32)
        probabilities[0], probabilities[1, :, :4], probabilities[2, :, 4:] = 0.6, 0.4, 0.4
        assert not postprocess(probabilities, (0.5, 0.5), (RULES, RULES)).any()
        labels = postprocess(probabilities, (0.5, 0.3), (RULES, RULES))
        assert (labels[:, :4] == 0).all()
        assert (labels[:, 4:] == 2).all()

    def test_the_likelier_target_wins(self):
        probabilities = np.stack([np.full((4, 4), share, np.float32) for share in (0.1, 0.5, 0.4)])
        assert (postprocess(probabilities, (0.3, 0.3), (RULES, RULES)) == 1).all()
        assert (postprocess(probabilities, (0.3, 0.2), (RULES, RULES)) == 2).all()

    def test_labels_are_lifted_without_mixing(self):
        labels = np.zeros((64, 64), np.uint8)
        labels[20:40, 10:30], labels[20:40, 30:50] = 1, 3
        lifted = labels_from_canvas(labels, Canvas((128, 128), 64), 3)
        assert set(np.unique(lifted)) == {0, 1, 3}
        assert (lifted[45:75, 25:55] == 1).all()
        assert (lifted[45:75, 65:95] == 3).all()


class TestPostprocessAtFullSize:
    """A slanting line, three pixels wide in the image and two on a canvas of two thirds."""

    @pytest.fixture
    def line(self):
        rows, columns = np.indices((192, 192))
        return np.abs(rows - 0.6 * columns - 40) <= 1.7

    @pytest.fixture
    def canvas(self):
        return Canvas((192, 192), 128)

    @pytest.fixture
    def probabilities(self, line, canvas):
        share = canvas.to_canvas(torch.from_numpy(line)[None, None].float())
        return torch.cat([1 - share, share], dim=1)

    def test_a_curvilinear_outline_is_decided_at_the_size_of_the_image(
        self, line, canvas, probabilities
    ):
        labels = postprocess(probabilities[0].numpy(), (0.5,), (CURVILINEAR,))
        coarse = labels_from_canvas(labels, canvas, 1)
        fine = postprocess_at_full_size(
            labels, canvas.from_canvas(probabilities), canvas, (0.5,), (CURVILINEAR,)
        )
        assert fine.dtype == np.uint8
        assert dice(fine, line) > dice(coarse, line) + 0.02

    def test_a_compact_outline_is_that_of_the_labels(self, canvas, probabilities):
        labels = postprocess(probabilities[0].numpy(), (0.5,), (RULES,))
        lifted = postprocess_at_full_size(
            labels, canvas.from_canvas(probabilities), canvas, (0.5,), (RULES,)
        )
        np.testing.assert_array_equal(lifted, labels_from_canvas(labels, canvas, 1))

    def test_what_was_tidied_away_does_not_come_back(self, canvas, probabilities):
        labels = postprocess(probabilities[0].numpy(), (0.5,), (CURVILINEAR,))
        labels[:, 64:] = 0
        lifted = postprocess_at_full_size(
            labels, canvas.from_canvas(probabilities), canvas, (0.5,), (CURVILINEAR,)
        )
        assert lifted[:, :94].any()
        assert not lifted[:, 99:].any()

    def test_the_threshold_counts(self, canvas, probabilities):
        areas = []
        for threshold in (0.2, 0.5, 0.8):
            labels = postprocess(probabilities[0].numpy(), (threshold,), (CURVILINEAR,))
            at_size = canvas.from_canvas(probabilities)
            areas.append(
                postprocess_at_full_size(
                    labels, at_size, canvas, (threshold,), (CURVILINEAR,)
                ).sum()
            )
        assert areas == sorted(areas, reverse=True)
        assert areas[0] > areas[2]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_target_within_another_is_kept_whatever_their_order(order):
    """A lesion in an organ, whose outline is filled."""
    line = np.arange(128)
    distance = np.hypot(line[:, None] - 64, line[None] - 64)
    planes = [(distance < 40) & (distance >= 12), distance < 12]
    large, small = RULES.model_copy(update={"area": 0.3}), RULES.model_copy(update={"area": 0.02})
    chosen = [planes[index] for index in order]
    probabilities = np.stack([~np.any(chosen, axis=0), *chosen]).astype(np.float32)
    rules = tuple((large, small)[index] for index in order)
    labels = postprocess(probabilities, (0.5, 0.5), rules)
    np.testing.assert_array_equal(labels == order.index(1) + 1, planes[1])
    np.testing.assert_array_equal(labels == order.index(0) + 1, planes[0])
