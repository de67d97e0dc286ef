"""Borders are closed on edges of the image, in the way that shows best."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt

from napari_localdisc.base.progress import drain
from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics
from napari_localdisc.core.segmenter.pixel_features import PixelSet
from napari_localdisc.core.segmenter.random_walker import (
    RandomWalkerBorders,
    random_walker_borders,
    random_walker_labels,
    random_walker_with_priors,
    refine_borders,
)

SIDE = 48
CENTRES = [(20, 22), (24, 24), (26, 20)]


def ellipse(row, column, height=12, width=8):
    line = np.arange(SIDE)
    return ((line[:, None] - row) / height) ** 2 + ((line[None] - column) / width) ** 2 <= 1


def opened(mask, within, around):
    """Labels of a mask with its border left open by so many pixels."""
    labels = np.full(mask.shape, -1, np.int8)
    labels[distance_transform_edt(mask) > within] = 1
    labels[distance_transform_edt(~mask) > around] = 0
    return labels


@pytest.fixture(scope="module")
def truth():
    return np.stack([ellipse(*centre) for centre in CENTRES])


@pytest.fixture(scope="module")
def pixels(truth):
    """Bright ellipses in noise, with a dark line across each as a vessel runs over a disc."""
    generator = torch.Generator().manual_seed(0)
    images = torch.from_numpy(truth).float()[:, None]
    for image, (row, _) in zip(images, CENTRES, strict=True):
        image[:, row - 1 : row + 1] -= 0.6
    noise = torch.randn(len(images), 3, SIDE, SIDE, generator=generator)
    images = images + 0.15 * noise[:, :1]
    fields = torch.ones(len(images), SIDE, SIDE, dtype=torch.bool)
    features = torch.cat([images, noise[:, 1:]], dim=1)
    return PixelSet(features, images, fields, torch.eye(3), Preprocessing(1, False))


class TestRandomWalkerLabels:
    def test_a_border_is_found_where_the_image_has_an_edge(self, pixels, truth):
        shifted = ellipse(CENTRES[0][0] + 2, CENTRES[0][1] - 2, 10, 9)
        labels = opened(shifted, 3, 5)
        found = random_walker_labels(pixels.normalised[0].numpy(), labels)
        assert set(np.unique(found)) == {0, 1}
        assert dice(shifted, truth[0]) < 0.85
        assert dice(found == 1, truth[0]) > 0.95

    def test_what_is_decided_stays(self, pixels, truth):
        labels = opened(ellipse(22, 20), 3, 5)
        found = random_walker_labels(pixels.normalised[0].numpy(), labels)
        np.testing.assert_array_equal(found[labels >= 0], labels[labels >= 0])

    def test_labels_need_not_follow_one_another(self, pixels, truth):
        labels = opened(truth[0], 3, 4)
        as_third = random_walker_labels(
            pixels.normalised[0].numpy(), np.where(labels == 1, 3, labels)
        )
        found = random_walker_labels(pixels.normalised[0].numpy(), labels)
        np.testing.assert_array_equal(as_third, np.where(found == 1, 3, found))

    def test_one_target_ends_where_the_next_begins(self):
        image = np.zeros((1, SIDE, SIDE), np.float32)
        image[:, 10:38, 10:38], image[:, 18:30, 18:30] = 1, 2
        labels = np.full((SIDE, SIDE), -1, np.int8)
        labels[:6], labels[-6:], labels[:, :6], labels[:, -6:] = 0, 0, 0, 0
        labels[13:35, 13:15], labels[22:26, 22:26] = 1, 2
        found = random_walker_labels(image, labels)
        np.testing.assert_array_equal(found, image[0].astype(np.int8))

    @pytest.mark.parametrize("image", [np.zeros((1, 8, 8)), np.arange(64.0).reshape(1, 8, 8)])
    def test_where_nothing_can_be_said_nothing_is(self, image):
        open_everywhere = np.full((8, 8), -1, np.int8)
        background_alone = np.where(np.eye(8) > 0, 0, open_everywhere).astype(np.int8)
        for labels in (open_everywhere, background_alone, np.eye(8, dtype=np.int8)):
            found = random_walker_labels(image.astype(np.float32), labels)
            np.testing.assert_array_equal(found, labels)

    def test_a_flat_image_stays_undecided(self, truth):
        labels = opened(truth[0], 3, 4)
        found = random_walker_labels(np.zeros((1, SIDE, SIDE), np.float32), labels)
        np.testing.assert_array_equal(found, labels)


class TestRandomWalkerBorders:
    @pytest.mark.parametrize("order", [(0, 1), (1, 0)])
    def test_the_open_border_that_shows_best_is_closed(self, pixels, truth, order):
        right = torch.from_numpy(np.stack([opened(mask, 3, 4) for mask in truth]))
        small = np.stack([ellipse(*centre, 5, 4) for centre in CENTRES])
        wrong = torch.from_numpy(np.stack([opened(mask, 1, 2) for mask in small]))
        choices = [(right, wrong)[index] for index in order]
        posed = torch.from_numpy(small.astype(np.int8))
        found = drain(RandomWalkerBorders(pixels, 1).close(posed, choices)).numpy() == 1
        assert min(dice(*pair) for pair in zip(found, truth, strict=True)) > 0.94

    def test_borders_that_show_better_as_they_are_stay(self, pixels, truth):
        small = np.stack([ellipse(*centre, 5, 4) for centre in CENTRES])
        choices = [torch.from_numpy(np.stack([opened(mask, 1, 2) for mask in small]))]
        posed = torch.from_numpy(truth.astype(np.int8))
        assert drain(RandomWalkerBorders(pixels, 1).close(posed, choices)) is None
        assert drain(RandomWalkerBorders(pixels, 1).close(posed, [])) is None

    def test_it_tells_how_far_it_is_and_what_it_has(self, pixels, truth):
        labels = torch.from_numpy(np.stack([opened(mask, 3, 4) for mask in truth]))
        walk, events = RandomWalkerBorders(pixels, 1), []
        assert walk.first_image_probabilities() is None
        closed = drain(walk.close(0 * labels, [labels]), events.append)
        assert [event.done for event in events] == list(range(1, events[-1].total + 1))
        assert torch.equal(walk.first_image_probabilities(), (closed[0] == 1)[None].float())


class TestTraced:
    RULES = (
        ShapeStatistics(width=85.0, area=0.13, density=1.0, parts=1, smallest=0.01, solid=True),
    )

    def test_borders_move_to_edges_that_are_near(self, pixels, truth):
        found = ellipse(CENTRES[0][0] + 1, CENTRES[0][1] + 1, 11, 8).astype(np.uint8)
        moved = random_walker_borders(found, pixels.normalised[0], pixels.fields[0], self.RULES)
        assert moved.dtype == np.uint8
        assert dice(moved == 1, truth[0]) > max(0.95, dice(found == 1, truth[0]) + 0.02)

    def test_nothing_is_found_where_nothing_was(self, pixels):
        nothing = np.zeros((SIDE, SIDE), np.uint8)
        moved = random_walker_borders(nothing, pixels.normalised[0], pixels.fields[0], self.RULES)
        assert not moved.any()

    def test_a_flat_image_changes_nothing(self, pixels, truth):
        labels = truth[0].astype(np.uint8)
        flat = torch.zeros(1, SIDE, SIDE)
        np.testing.assert_array_equal(
            random_walker_borders(labels, flat, pixels.fields[0], self.RULES), labels
        )

    def test_what_lies_outside_the_field_of_view_is_background(self, pixels, truth):
        field = pixels.fields[0].clone()
        field[:, : CENTRES[0][1]] = False
        half = truth[0] & field.numpy()
        moved = random_walker_borders(
            half.astype(np.uint8), pixels.normalised[0], field, self.RULES
        )
        assert not moved[~field.numpy()].any()
        assert moved.any()

    def test_labels_that_show_about_as_well_are_taken(self, pixels, truth):
        near = np.stack([ellipse(row, column, 11, 9) for row, column in CENTRES])
        events = []
        found = drain(refine_borders(near.astype(np.uint8), self.RULES, pixels), events.append)
        assert min(dice(*pair) for pair in zip(found == 1, truth, strict=True)) > 0.95
        assert [event.done for event in events] == [1, 2, 3]

    def test_labels_that_show_far_better_as_they_are_stay(self, truth):
        """Targets that pixels tell apart, as a network sees them, but no edge of the images."""
        generator = torch.Generator().manual_seed(0)
        shape = (len(truth), 2, SIDE, SIDE)
        features = torch.from_numpy(truth).float()[:, None] + 0.2 * torch.randn(
            shape, generator=generator
        )
        images = torch.randn(len(truth), 1, SIDE, SIDE, generator=generator)
        fields = torch.ones(len(truth), SIDE, SIDE, dtype=torch.bool)
        pixels = PixelSet(features, images, fields, torch.eye(2), Preprocessing(1, False))
        assert drain(refine_borders(truth.astype(np.uint8), self.RULES, pixels)) is None


class TestRandomWalkerWithPriors:
    @pytest.fixture
    def image(self):
        plain = np.random.default_rng(0).normal(0, 0.05, (1, 12, 14))
        plain[:, :, 7:] += 1
        return plain

    def test_solves_the_equations_of_the_paper(self, image):
        """Against a dense solution of (L + diag of the pulls) x = pull where the label wins."""
        first = np.random.default_rng(1).uniform(0, 1, image.shape[1:])
        found = random_walker_with_priors(image, np.stack([first, 1 - first]), 0.3)
        count = first.size
        laplacian = np.zeros((count, count))
        values, width = image[0], image.shape[2]
        scale = 250.0 / (10 * image.std())
        for row in range(image.shape[1]):
            for column in range(width):
                for other in ((row + 1, column), (row, column + 1)):
                    if other[0] < image.shape[1] and other[1] < width:
                        a, b = row * width + column, other[0] * width + other[1]
                        tie = np.exp(-scale * (values[row, column] - values[other]) ** 2) + 1e-4
                        laplacian[[a, b], [a, b]] += tie
                        laplacian[[a, b], [b, a]] -= tie
        pull = (0.3 * (2 * np.maximum(first, 1 - first) - 1) ** 2 + 1e-5).ravel()
        wins = pull * (first >= 0.5).ravel()
        expected = np.linalg.solve(laplacian + np.diag(pull), wins)
        np.testing.assert_allclose(found[0].ravel(), expected, atol=1e-6)
        np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)

    def test_a_doubtful_border_moves_to_the_edge(self, image):
        first = np.tile(np.linspace(1, 0, 14) ** 2, (12, 1))  # one half lies at column 4
        found = random_walker_with_priors(image, np.stack([first, 1 - first]), 0.01)
        assert (first[:, 6] < 0.5).all()
        np.testing.assert_array_equal(found[0] > 0.5, np.tile(np.arange(14) < 7, (12, 1)))

    def test_a_flat_image_leaves_the_priors(self):
        priors = np.full((2, 4, 4), 0.5)
        np.testing.assert_array_equal(
            random_walker_with_priors(np.ones((1, 4, 4)), priors, 0.1), priors
        )
