from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from napari_localdisc.core.pretraining.health import (
    Health,
    clusters_in_use,
    collapse,
    collapse_warnings,
    effective_rank,
    measure_health,
)
from tests.conftest import tiny_encoder

CARD = tiny_encoder().card.model_copy(update={"clusters": 16, "embedding_dim": 32})
WELL = Health(clusters=15, membership_entropy=0.3, effective_rank=20.0, spread=0.9)


class TestEffectiveRank:
    def test_all_directions_alike(self):
        both_ways = torch.cat([torch.eye(5), -torch.eye(5)])
        rank, spread = effective_rank(both_ways)
        assert rank == pytest.approx(5)
        assert spread == pytest.approx(1)

    def test_one_direction(self):
        line = torch.outer(torch.linspace(-1, 1, 9), torch.tensor([0.6, 0.8, 0.0]))
        assert effective_rank(line)[0] == pytest.approx(1, abs=1e-6)

    def test_against_scipy(self):
        vectors = torch.randn(200, 6, generator=torch.Generator().manual_seed(0)).double()
        vectors = vectors * torch.tensor([3, 2, 1, 1, 0.1, 0.01])
        eigenvalues = torch.linalg.svdvals(vectors - vectors.mean(dim=0)).square() / 200
        rank, spread = effective_rank(vectors)
        assert rank == pytest.approx(math.exp(stats.entropy(eigenvalues.numpy())))
        assert spread == pytest.approx(float(eigenvalues.sum()))

    def test_all_the_same(self):
        assert effective_rank(torch.ones(10, 4) / 2) == (1.0, 0.0)


class TestMeasures:
    def test_a_cluster_of_few_pixels_is_not_in_use(self):
        winners = torch.tensor([0] * 600 + [1] * 397 + [2] * 3)
        assert clusters_in_use(torch.nn.functional.one_hot(winners, 5).float()) == 2

    def test_membership_entropy_is_a_share(self):
        vectors = torch.eye(4)
        undecided = measure_health(vectors, torch.full((4, 8), 1 / 8))
        assert undecided.membership_entropy == pytest.approx(1)
        half = torch.zeros(4, 8)
        half[:, :2] = 0.5
        assert measure_health(vectors, half).membership_entropy == pytest.approx(1 / 3)
        assert measure_health(vectors, torch.eye(4)).membership_entropy == pytest.approx(
            0, abs=1e-6
        )


class TestJudgement:
    def test_nothing_to_complain_of(self):
        assert collapse_warnings(WELL, CARD, grouped=True, embedded=True) == {}
        assert collapse(WELL, grouped=True, embedded=True) == ""

    @pytest.mark.parametrize(
        ("change", "kind", "named"),
        [
            ({"clusters": 3}, "clusters", "only 3 of 16 clusters"),
            ({"membership_entropy": 0.99}, "memberships", "undecided"),
            ({"effective_rank": 1.4}, "embedding", "1.4 directions"),
            ({"spread": 0.01}, "embedding", "0.010"),
        ],
    )
    def test_what_looks_wrong_is_named(self, change, kind, named):
        ill = Health(**(WELL.values() | change))
        found = collapse_warnings(ill, CARD, grouped=True, embedded=True)
        assert list(found) == [kind]
        assert named in found[kind]
        assert collapse(ill, grouped=True, embedded=True) == ""

    def test_beyond_use(self):
        one = Health(**(WELL.values() | {"clusters": 1}))
        same = Health(**(WELL.values() | {"spread": 1e-5}))
        assert "clusters" in collapse(one, grouped=True, embedded=True)
        assert "embedding" in collapse(same, grouped=True, embedded=True)

    def test_branches_that_are_not_trained_are_not_judged(self):
        ill = Health(clusters=1, membership_entropy=1.0, effective_rank=1.0, spread=0.0)
        assert collapse_warnings(ill, CARD, grouped=False, embedded=False) == {}
        assert collapse(ill, grouped=False, embedded=False) == ""
