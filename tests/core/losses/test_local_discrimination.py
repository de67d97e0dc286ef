from __future__ import annotations

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_localdisc.core.losses.local_discrimination import (
    agreement,
    balanced_assignment,
    cluster_centres,
    entropy,
    imbalance,
    patch_discrimination,
    region_discrimination,
    region_embeddings,
    swapped_prediction,
)


def unit(*shape: int, seed: int = 0, axis: int = -1) -> torch.Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return F.normalize(drawn, dim=axis)


def shares(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).softmax(dim=1)


class TestPatchDiscrimination:
    def test_is_the_cross_entropy_of_the_matrix_of_cosines(self):
        anchors, positives, far = unit(2, 5, 4), unit(2, 5, 4, seed=1), unit(3, 4, seed=2)
        near = torch.ones(2, 5, 5, dtype=torch.bool)
        got = patch_discrimination(anchors, positives, far, near, tau=0.3)
        for group in range(2):
            candidates = torch.cat([positives[group], far])
            logits = anchors[group] @ candidates.T / 0.3
            wanted = F.cross_entropy(logits, torch.arange(5), reduction="none")
            torch.testing.assert_close(got[group], wanted)

    def test_points_too_close_are_no_negatives(self):
        anchors, positives, far = unit(1, 3, 4), unit(1, 3, 4, seed=1), unit(2, 4, seed=2)
        near = torch.ones(1, 3, 3, dtype=torch.bool)
        near[0, 0, 1] = False
        got = patch_discrimination(anchors, positives, far, near, tau=0.5)
        candidates = torch.stack([positives[0, 0], positives[0, 2], *far])
        logits = candidates @ anchors[0, 0] / 0.5
        torch.testing.assert_close(got[0, 0], -logits.log_softmax(dim=0)[0])

    def test_a_perfect_match_by_hand(self):
        e = torch.eye(2)
        near = torch.ones(1, 2, 2, dtype=torch.bool)
        got = patch_discrimination(e[None], e[None], -e[:1], near, tau=1.0)
        first = math.log(math.e + 1 + 1 / math.e) - 1
        second = math.log(math.e + 1 + 1) - 1
        torch.testing.assert_close(got, torch.tensor([[first, second]]))

    def test_wrong_shapes_are_named(self):
        near = torch.ones(1, 3, 3, dtype=torch.bool)
        with pytest.raises(ValueError, match="`anchors`"):
            patch_discrimination(unit(3, 4), unit(3, 4), unit(2, 4), near)
        with pytest.raises(ValueError, match="`positives`"):
            patch_discrimination(unit(1, 3, 4), unit(1, 2, 4), unit(2, 4), near)


class TestRegions:
    def test_embeddings_and_centres_with_plain_loops(self):
        embedding, memberships = unit(2, 4, 3, 5, axis=1), shares(2, 3, 3, 5, seed=1)
        regions = region_embeddings(embedding, memberships)
        centres = cluster_centres(embedding, memberships)
        for cluster in range(3):
            both = torch.zeros(4)
            for image in range(2):
                total = (embedding[image] * memberships[image, cluster]).sum(dim=(1, 2))
                torch.testing.assert_close(regions[image, cluster], total / total.norm())
                both += total
            torch.testing.assert_close(centres[cluster], both / both.norm())

    def test_orthogonal_regions_by_hand(self):
        # Left half is one direction and one cluster, right half another, in both images.
        embedding, memberships = torch.zeros(2, 2, 2, 4), torch.zeros(2, 2, 2, 4)
        for maps in (embedding, memberships):
            maps[:, 0, :, :2] = 1
            maps[:, 1, :, 2:] = 1
        got = region_discrimination(embedding, memberships, tau=0.5)
        assert float(got) == pytest.approx(math.log(1 + math.exp(-2)), rel=1e-5)

    def test_is_a_cross_entropy_weighted_by_area(self):
        embedding, memberships = unit(2, 4, 3, 5, axis=1), shares(2, 3, 3, 5, seed=1)
        regions = region_embeddings(embedding, memberships)
        logits = regions @ cluster_centres(embedding, memberships).T / 0.2
        each = F.cross_entropy(logits.flatten(0, 1), torch.arange(3).repeat(2), reduction="none")
        weight = memberships.mean(dim=(2, 3)).sqrt().flatten()
        wanted = (each * weight).sum() / weight.sum()
        torch.testing.assert_close(region_discrimination(embedding, memberships), wanted)

    def test_absent_clusters_do_not_count(self):
        embedding, memberships = unit(2, 4, 3, 5, axis=1), shares(2, 3, 3, 5, seed=1)
        absent = torch.cat([memberships, torch.zeros(2, 1, 3, 5)], dim=1)
        loss = region_discrimination(embedding, absent)
        assert torch.isfinite(loss)

    def test_wrong_shapes_are_named(self):
        with pytest.raises(ValueError, match="`embedding`"):
            region_embeddings(unit(4, 3, 5), shares(2, 3, 3, 5))
        with pytest.raises(ValueError, match="`memberships`"):
            region_embeddings(unit(2, 4, 3, 5), shares(2, 3, 3, 4))
        with pytest.raises(ValueError, match="`embedding`"):
            cluster_centres(unit(4, 3, 5), shares(2, 3, 3, 5))


class TestAgreement:
    def test_is_the_cross_entropy_of_nearness_to_centres(self):
        embedding, memberships = unit(2, 4, 5, 6, axis=1), shares(2, 3, 5, 6)
        centres = cluster_centres(embedding, memberships)
        pixels = embedding.permute(0, 2, 3, 1).reshape(-1, 4)
        logits = memberships.log().permute(0, 2, 3, 1).reshape(-1, 3)
        wanted = F.cross_entropy(logits, (pixels @ centres.T / 0.3).softmax(dim=1))
        torch.testing.assert_close(agreement(embedding, memberships, tau=0.3), wanted)

    def test_teaches_memberships_and_leaves_the_embedding_alone(self):
        embedding = unit(1, 4, 3, 3, axis=1).requires_grad_()
        memberships = shares(1, 3, 3, 3).requires_grad_()
        agreement(embedding, memberships).backward()
        assert embedding.grad is None
        assert memberships.grad.abs().sum() > 0


class TestAssignments:
    def test_every_prototype_gets_its_share(self):
        likeness = unit(400, 8) @ unit(5, 8, seed=1).T
        found = balanced_assignment(likeness, sharpness=0.1, rounds=50)
        torch.testing.assert_close(found.sum(dim=1), torch.ones(400))
        torch.testing.assert_close(found.sum(dim=0), torch.full((5,), 80.0), rtol=1e-3, atol=0)

    def test_is_the_optimal_transport_with_entropy(self):
        # Its solution is diag(u) exp(likeness / sharpness) diag(v) with the right sums.
        likeness = np.array([[0.9, 0.1], [0.8, 0.3], [0.7, 0.2], [0.2, 0.4]])
        kernel = np.exp(likeness / 0.2)
        rows, columns = np.ones(4), np.ones(2)
        for _ in range(500):
            columns = 2 / (kernel.T @ rows)
            rows = 1 / (kernel @ columns)
        wanted = rows[:, None] * kernel * columns
        got = balanced_assignment(torch.from_numpy(likeness), 0.2, rounds=500).numpy()
        np.testing.assert_allclose(got, wanted, rtol=1e-6)

    def test_hard_ones_without_gradient(self):
        likeness = torch.eye(3).repeat(2, 1).requires_grad_()
        found = balanced_assignment(likeness)
        assert not found.requires_grad
        torch.testing.assert_close(found, likeness.detach(), atol=1e-6, rtol=0)
        with pytest.raises(ValueError, match="`likeness`"):
            balanced_assignment(torch.ones(3))

    def test_swapped_prediction_with_plain_loops(self):
        first, second = shares(6, 4), shares(6, 4, seed=1)
        one, other = shares(6, 4, seed=2), shares(6, 4, seed=3)
        wanted = 0.0
        for p in range(6):
            for m in range(4):
                wanted -= float(other[p, m] * first[p, m].log() + one[p, m] * second[p, m].log())
        got = swapped_prediction(first.log(), second.log(), one, other)
        assert float(got) == pytest.approx(wanted / 12, rel=1e-5)
        with pytest.raises(ValueError, match="`second`"):
            swapped_prediction(first, second[:5], one, other)


class TestMemberships:
    def test_entropy_against_torch(self):
        memberships = shares(2, 5, 3, 3)
        wanted = torch.distributions.Categorical(memberships.movedim(1, -1)).entropy().mean()
        torch.testing.assert_close(entropy(memberships), wanted)

    def test_entropy_of_one_hot_and_uniform(self):
        hot = F.one_hot(torch.arange(4) % 3, 3).float()
        assert float(entropy(hot)) == pytest.approx(0, abs=1e-6)
        assert float(entropy(torch.full((4, 3), 1 / 3))) == pytest.approx(math.log(3))
        with pytest.raises(ValueError, match="`memberships`"):
            entropy(torch.ones(3))

    def test_imbalance(self):
        balanced = torch.eye(4)[None].transpose(1, 2)
        assert float(imbalance(balanced)) == pytest.approx(0, abs=1e-6)
        collapsed = torch.zeros(2, 4, 3, 3)
        collapsed[:, 1] = 1
        assert float(imbalance(collapsed)) == pytest.approx(math.log(4), rel=1e-5)
