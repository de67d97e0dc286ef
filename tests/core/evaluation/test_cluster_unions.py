from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from napari_localdisc.core.evaluation.cluster_unions import (
    Overlap,
    best_union,
    count_overlap,
    fit_clusters,
    union_mask,
)
from napari_localdisc.core.evaluation.metrics import dice

LABELS = np.array([[0, 0, 1, 1], [0, 0, 1, 1], [2, 2, 3, 3], [2, 2, 3, 3]])
EVERYWHERE = np.ones((4, 4), bool)


class TestByHand:
    def test_the_clusters_that_make_up_a_structure(self):
        truth = np.isin(LABELS, [1, 2])
        overlap = count_overlap([LABELS], [truth], [EVERYWHERE], 4)
        np.testing.assert_array_equal(overlap.shared, [[0, 4, 4, 0]])
        np.testing.assert_array_equal(overlap.area, [[4, 4, 4, 4]])
        assert sorted(best_union(overlap)) == [1, 2]
        assert overlap.dice((1, 2)) == 1.0
        np.testing.assert_array_equal(union_mask(LABELS, (1, 2)), truth)

    def test_a_cluster_that_is_half_in_comes_in_while_it_helps(self):
        truth = np.zeros((4, 4), bool)
        truth[:, 2:] = True
        truth[2:, 2] = False  # half of cluster 3
        overlap = count_overlap([LABELS], [truth], [EVERYWHERE], 4)
        # cluster 1 alone: 2 * 4 / (4 + 6) = 0.8; with 3: 2 * 6 / (8 + 6) = 0.857
        assert overlap.dice((1,)) == pytest.approx(0.8)
        assert best_union(overlap) == (1, 3)
        assert overlap.dice((1, 3)) == pytest.approx(12 / 14)

    def test_a_cluster_that_is_mostly_out_stays_out(self):
        truth = LABELS == 1
        truth[3, 3] = True
        # 1 alone: 8 / 9; with 3: 10 / 13
        overlap = count_overlap([LABELS], [truth], [EVERYWHERE], 4)
        assert best_union(overlap) == (1,)

    def test_only_the_field_of_view_counts(self):
        field = EVERYWHERE.copy()
        field[0] = False
        overlap = count_overlap([LABELS], [LABELS == 0], [field], 4)
        np.testing.assert_array_equal(overlap.shared, [[2, 0, 0, 0]])
        np.testing.assert_array_equal(overlap.area, [[2, 2, 4, 4]])
        assert overlap.truth.tolist() == [2]

    def test_the_mean_over_images_decides(self):
        # cluster 0 is the structure of a large image, cluster 1 of two small ones
        overlap = Overlap(
            shared=np.array([[100, 0], [0, 5], [0, 5]]),
            area=np.array([[100, 80], [5, 5], [5, 5]]),
            truth=np.array([100, 5, 5]),
        )
        # 0: (1 + 0 + 0) / 3; 1: (0 + 1 + 1) / 3; both: (200/280 + 2/3 + 2/3) / 3 = 0.68
        assert best_union(overlap) == (1, 0)

    def test_no_structure_anywhere(self):
        overlap = count_overlap([LABELS], [~EVERYWHERE], [EVERYWHERE], 5)
        assert best_union(overlap) == (4,)  # the one that does not occur
        assert overlap.dice((4,)) == 1.0


@pytest.mark.parametrize("seed", range(5))
def test_close_to_the_best_of_all_unions(seed: int):
    rng = np.random.default_rng(seed)
    labels = [rng.integers(0, 6, (16, 16)) for _ in range(3)]
    likely = rng.random(6)
    truths = [rng.random((16, 16)) < likely[one] for one in labels]
    fields = [np.ones((16, 16), bool)] * 3
    overlap = count_overlap(labels, truths, fields, 6)

    def mean_dice(union: tuple[int, ...]) -> float:
        pairs = zip(labels, truths, strict=True)
        return np.mean([dice(union_mask(one, union), truth) for one, truth in pairs])

    every = [union for n in range(1, 7) for union in combinations(range(6), n)]
    found = best_union(overlap)
    assert overlap.dice(found) == pytest.approx(mean_dice(found))
    assert overlap.dice(found) >= max(map(mean_dice, every)) - 0.01


class TestKMeans:
    def test_blobs_are_told_apart(self):
        rng = np.random.default_rng(0)
        centres = np.array([[0, 0], [10, 0], [0, 10]], float)
        truth = rng.integers(0, 3, (20, 20))
        maps = np.moveaxis(centres[truth] + 0.1 * rng.standard_normal((20, 20, 2)), -1, 0)
        vectors = maps.reshape(2, -1).T.astype(np.float32)
        found = fit_clusters(vectors, 3, 0, standardise=False).labels(maps.astype(np.float32))
        pairs = set(zip(truth.ravel(), found.ravel(), strict=True))
        assert len(pairs) == 3

    @pytest.mark.parametrize("standardise", [True, False])
    def test_units_matter_only_without_standardising(self, standardise: bool):
        rng = np.random.default_rng(1)
        wanted = np.repeat([0, 1], 200)
        # what tells the two apart is a thousandth of what does not
        vectors = np.stack([wanted + 0.05 * rng.standard_normal(400), 1000 * rng.random(400)], 1)
        vectors = vectors.astype(np.float32)
        found = fit_clusters(vectors, 2, 0, standardise).labels(vectors.T.reshape(2, 20, 20))
        agreement = np.mean(found.ravel() == wanted)
        assert (max(agreement, 1 - agreement) > 0.9) == standardise

    def test_the_seed_decides(self):
        vectors = np.random.default_rng(2).random((500, 3)).astype(np.float32)
        maps = vectors.T.reshape(3, 20, 25)
        first, again = (fit_clusters(vectors, 8, 5, True).labels(maps) for _ in range(2))
        np.testing.assert_array_equal(first, again)
