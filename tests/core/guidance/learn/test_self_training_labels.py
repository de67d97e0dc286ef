from __future__ import annotations

import pytest
import torch

from napari_localdisc.core.guidance.learn.self_training_labels import (
    class_frequencies,
    self_training_labels,
)


def test_labels_that_a_classifier_contradicts_are_open_and_open_ones_are_decided():
    labels = torch.tensor([[[1, 1, 0, 0, -1, -1, 2]]], dtype=torch.int8)
    one = torch.tensor([0.6, 0.1, 0.1, 0.6, 0.8, 0.6, 0.1])
    two = torch.tensor([0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.7])
    probabilities = torch.stack([1 - one - two, one, two])[None, :, None]
    revised = self_training_labels(labels, probabilities, (0.5, 0.5))
    assert revised.tolist() == [[[1, -1, 0, -1, 1, -1, 2]]]
    assert labels.tolist() == [[[1, 1, 0, 0, -1, -1, 2]]]


def test_a_low_threshold_is_sure_earlier():
    labels = torch.full((1, 1, 3), -1, dtype=torch.int8)
    share = torch.tensor([0.2, 0.35, 0.02])
    probabilities = torch.stack([1 - share, share])[None, :, None]
    assert self_training_labels(labels, probabilities, (0.1,)).tolist() == [[[-1, 1, -1]]]


def test_frequencies_are_those_of_decided_pixels_and_none_is_zero():
    labels = torch.tensor([[[0, 0, 0, 1, -1, -1]]], dtype=torch.int8)
    assert class_frequencies(labels, 2).tolist() == [0.75, 0.25]
    assert class_frequencies(labels, 3).tolist() == pytest.approx([3 / 5, 1 / 5, 1 / 5])
