from __future__ import annotations

import dataclasses
from typing import get_args

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_localdisc.base.progress import drain
from napari_localdisc.core.imaging.augmentation import Turn
from napari_localdisc.core.imaging.scale_space import blur
from napari_localdisc.core.losses.instance_discrimination import (
    invariance,
    nonparametric_softmax,
    pooled,
    spreading,
)
from napari_localdisc.core.losses.local_discrimination import (
    agreement,
    balanced_assignment,
    patch_discrimination,
)
from napari_localdisc.core.pretraining.objective_names import ObjectiveName
from napari_localdisc.core.pretraining.objectives import OBJECTIVES, Setting
from napari_localdisc.core.pretraining.pretraining import PretrainConfig, pretrain
from napari_localdisc.core.pretraining.sampling.points import Points, PointSampler
from napari_localdisc.core.pretraining.sampling.views import Views
from napari_localdisc.core.pretraining.sampling.warp import Warp
from napari_localdisc.core.pretraining.sampling.windows import Windows
from napari_localdisc.core.pretraining.training_step import TrainingStep
from tests.conftest import tiny_encoder

CARD = tiny_encoder().card


def unit(*shape: int, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(seed))
    return F.normalize(drawn, dim=-1)


def views(count: int = 4, side: int = 32) -> Views:
    generator = torch.Generator().manual_seed(3)
    first, second = torch.randn(2, count, 3, side, side, generator=generator)
    windows = Windows(side, 8, 0, (2, 8), (5, 0))
    plain = torch.randn(count, 3, windows.core, windows.core, generator=generator)
    own = torch.arange(count).flip(0)
    return Views(first, second, windows, Turn(1, True), Warp(), (plain, plain), own)


def coded(count: int, *codes: int) -> Views:
    """Views with codes, drawn at random."""
    pair = views(count)
    generator = torch.Generator().manual_seed(4)
    shape = (count, pair.windows.core, pair.windows.core)
    drawn = [torch.randint(clusters, shape, generator=generator) for clusters in codes]
    return dataclasses.replace(pair, pseudo_labels=torch.stack(drawn, dim=1))


def made(name: str, images: int = 5, codes: tuple[int, ...] = (), **settings):
    network = CARD.build().eval()
    config = PretrainConfig(objective=name, crop=32, **settings)
    setting = Setting(config, CARD, network, images, (0, 1, 2, 0, 1), codes)
    return OBJECTIVES[name](setting), TrainingStep(network, torch.float32)


def first_draws(crops: int, reach: int) -> tuple[torch.Tensor, Points]:
    """Draw what an objective with seed 0 draws in its first step: for mixup, then the points."""
    generator = torch.Generator().manual_seed(0)
    mixing = torch.rand(crops, generator=generator)
    sampler = PointSampler(reach, 2.5, 0)
    sampler.generator.set_state(generator.get_state())
    return mixing, sampler.draw(crops, 24)


class TestInstanceLosses:
    def test_softmax_over_the_memory_with_plain_loops(self):
        vectors, bank, own = unit(3, 4), unit(6, 4, seed=1), torch.tensor([2, 5, 0])
        wanted = 0.0
        for vector, index in zip(vectors, own, strict=True):
            shares = np.exp((bank @ vector).double().numpy() / 0.07)
            wanted -= np.log(shares[index] / shares.sum()) / 3
        got = nonparametric_softmax(vectors, bank, own, 0.07)
        assert float(got) == pytest.approx(wanted, rel=1e-5)

    def test_both_terms_of_spreading_with_plain_loops(self):
        first, second, tau = unit(4, 5).double(), unit(4, 5, seed=1).double(), 0.3
        pulls = pushes = 0.0
        for i in range(4):
            likeness = torch.exp(first @ second[i] / tau)
            pulls -= float(torch.log(likeness[i] / likeness.sum())) / 4
            for j in range(4):
                if j != i:
                    likeness = torch.exp(first @ first[j] / tau)
                    pushes -= float(torch.log(1 - likeness[i] / likeness.sum())) / 4
        assert float(invariance(first, second, tau)) == pytest.approx(pulls)
        assert float(spreading(first, tau)) == pytest.approx(pushes)

    def test_by_hand(self):
        e = torch.eye(2)
        # Own likeness 1, other 0, tau 1: shares e/(e+1) and 1/(e+1).
        share = 1 / (1 + np.e)
        assert float(invariance(e, e, 1.0)) == pytest.approx(-np.log(1 - share), rel=1e-6)
        assert float(spreading(e, 1.0)) == pytest.approx(-np.log(1 - share), rel=1e-6)

    def test_spreading_is_finite_where_all_is_the_same(self):
        got = spreading(torch.ones(3, 4) / 2, 0.01)
        assert float(got) == pytest.approx(-2 * np.log(2 / 3), rel=1e-5)

    def test_pooled(self):
        maps = torch.zeros(1, 2, 1, 2)
        maps[0, 0, 0, 0] = maps[0, 1, 0, 1] = 1
        torch.testing.assert_close(pooled(maps), torch.full((1, 2), 0.5**0.5))


class TestLocalDiscrimination:
    def test_other_terms_follow_the_warm_up(self):
        objective, training_step = made("local-discrimination", steps=10, warmup=0.4)
        early = {"patch", "mixup", "detail"}
        assert set(objective(training_step, views(), 3)) == early
        assert set(objective(training_step, views(), 4)) == early | {
            "region",
            "agreement",
            "entropy",
            "balance",
        }

    def test_what_is_alike_in_another_image_is_told_too(self):
        objective, training_step = made(
            "local-discrimination", mixed=False, across=0.5, reach=16, apart=2.5, tau=0.2
        )
        pair = views(3)
        got = objective(training_step, pair, 0)["across"]
        _, points = first_draws(crops=3, reach=16)
        with torch.no_grad():
            maps = pair.shared(
                training_step.network(pair.first)[0], training_step.network(pair.second)[0]
            )
        anchors, positives = (points.gather(x) for x in maps)
        far, nearest_neighbours = (
            points.far_negatives(positives, 256),
            points.nearest_neighbours(anchors),
        )
        wanted = patch_discrimination(
            nearest_neighbours, positives, far, points.near_negatives, 0.2
        ).mean()
        torch.testing.assert_close(got.detach(), wanted, rtol=1e-4, atol=1e-5)
        assert got.requires_grad

    @pytest.mark.parametrize("width", [0.0, 2.0])
    def test_memberships_follow_the_mean_direction_around(self, width):
        objective, training_step = made(
            "local-discrimination", warmup=0.0, mixed=False, regional=width
        )
        pair = views(2)
        got = objective(training_step, pair, 0)["agreement"].detach()
        with torch.no_grad():
            vectors, memberships = training_step.branches(torch.cat([pair.first, pair.second]))
        if width:
            vectors = F.normalize(blur(vectors, width), dim=1)
        torch.testing.assert_close(got, agreement(vectors, memberships))

    def test_assignments_are_swapped_where_no_crop_was_mixed(self):
        objective, training_step = made(
            "local-discrimination", assignment=0.5, reach=16, apart=2.5, tau=0.3
        )
        pair = views(2)
        terms = objective(training_step, pair, 0)
        _, points = first_draws(crops=2, reach=16)
        with torch.no_grad():
            (one, held), (other, kept) = (
                training_step.network(x) for x in (pair.first, pair.second)
            )
            vectors, memberships = pair.shared(one, other), pair.shared(held, kept)
            prototypes = F.normalize(objective.prototypes, dim=1)
        own = points.owner == 0
        scores = [points.gather(x)[own].flatten(0, 1) @ prototypes.T for x in vectors]
        wanted = [balanced_assignment(x) for x in scores]
        shares = [points.gather(x)[own].flatten(0, 1) for x in memberships]
        total = 0.0
        for told in ([F.log_softmax(x / 0.3, dim=1) for x in scores], [x.log() for x in shares]):
            for view in (0, 1):
                total -= (wanted[1 - view] * told[view]).sum(dim=1).mean() / 2
        torch.testing.assert_close(terms["assignment"].detach(), total, rtol=1e-4, atol=1e-5)

    def test_points_that_one_view_does_not_show_count_for_nothing(self):
        objective, training_step = made("local-discrimination", mixed=False, reach=32, apart=2.5)
        warp = Warp(torch.eye(2).mul(1.8).expand(2, 2, 2))
        pair = dataclasses.replace(views(2), warp=warp)
        terms = objective(training_step, pair, 0)
        assert set(terms) == {"patch", "detail"}
        _, points = first_draws(crops=2, reach=32)
        with torch.no_grad():
            maps = pair.shared(
                training_step.network(pair.first)[0], training_step.network(pair.second)[0]
            )
        anchors, positives = (points.gather(x) for x in maps)
        far = points.far_negatives(positives, 256)
        total, count = 0.0, 0
        for group, crop in enumerate(points.owner.tolist()):
            shown = pair.overlap[crop][points.rows[group], points.columns[group]]
            one = slice(group, group + 1)
            near = points.near_negatives[one][:, shown][:, :, shown]
            loss = patch_discrimination(anchors[one][:, shown], positives[one][:, shown], far, near)
            total, count = total + float(loss.sum()), count + int(shown.sum())
        assert 0 < count < points.rows.numel()
        assert float(terms["patch"].detach()) == pytest.approx(total / count, rel=1e-4)

    def test_detail_is_the_plain_input_told_by_a_linear_map(self):
        objective, training_step = made("local-discrimination")
        pair = views(2)
        got = objective(training_step, pair, 0)["detail"].detach()
        # Of two crops the first is never mixed, so its first view counts; the other's does not.
        with torch.no_grad():
            seen = [training_step.network(x)[0] for x in (pair.first, pair.second)]
            first, second = pair.shared(*seen)
        plain = torch.cat([pair.plain[0][:1], pair.plain[1]])
        mean, variance = plain.mean((0, 2, 3)), plain.var((0, 2, 3), unbiased=False)
        wanted = (plain - mean[:, None, None]) / (variance[:, None, None] + 1e-5).sqrt()
        vectors = torch.cat([first[:1], second]) * CARD.embedding_dim**0.5
        matrix, offset = objective.decoder.weight[:, :, 0, 0], objective.decoder.bias
        told = torch.einsum("cd,ndhw->nchw", matrix, vectors) + offset[:, None, None]
        error = (told - wanted).abs()
        huber = torch.where(error < 1, error.square() / 2, error - 0.5)
        torch.testing.assert_close(got, huber.mean().detach(), rtol=1e-4, atol=1e-5)

    def test_codes_are_told_from_what_the_decoder_made(self):
        objective, training_step = made("local-discrimination", codes=(7, 4), mixed=False)
        pair = coded(2, 7, 4)
        got = objective(training_step, pair, 0)["codes"]
        with torch.no_grad():
            features = training_step.network.body(torch.cat([pair.first, pair.second]))
            told = objective.reader(features[:, -CARD.widths[0] :])
        each = [
            F.cross_entropy(logits, codes)
            for view in pair.shared(*told.chunk(2))
            for logits, codes in (
                (view[:, :7], pair.pseudo_labels[:, 0]),
                (view[:, 7:], pair.pseudo_labels[:, 1]),
            )
        ]
        assert float(got.detach()) == pytest.approx(float(sum(each)) / 4, rel=1e-5)
        got.backward()
        assert training_step.network.body.up[0][0].weight.grad.abs().sum() > 0
        assert training_step.network.embedding[0].weight.grad is None

    def test_with_a_teacher_codes_alone_shape_the_body(self):
        settings = {"warmup": 0.0, "assignment": 1.0, "across": 1.0, "recall": 1.0}
        objective, training_step = made("local-discrimination", codes=(5,), **settings)
        terms = objective(training_step, coded(4, 5), 1)
        sum(term for name, term in terms.items() if name != "codes").backward()
        network = training_step.network
        assert all(parameter.grad is None for parameter in network.body.parameters())
        for branch in (network.embedding, network.clustering):
            assert all(p.grad.abs().sum() > 0 for p in branch.parameters())

    def test_what_features_tell_is_told_by_a_linear_map(self):
        objective, training_step = made("local-discrimination", recall=0.5, mixed=False)
        pair = views(2)
        got = objective(training_step, pair, 0)["recall"]
        with torch.no_grad():
            features = training_step.network.body(torch.cat([pair.first, pair.second]))
            vectors = training_step.network.embed(features).numpy()[..., ::2, ::2]
        seen = features.numpy()[..., ::2, ::2]
        mean, variance = (np.expand_dims(f(seen, (0, 2, 3)), (0, 2, 3)) for f in (np.mean, np.var))
        wanted = np.clip((seen - mean) / np.sqrt(variance + objective.usual.eps), -6, 6)
        matrix = objective.reminder.weight.detach().numpy()[:, :, 0, 0]
        told = np.einsum("fd,ndhw->nfhw", matrix, vectors * vectors.shape[1] ** 0.5)
        away = np.abs(told + objective.reminder.bias.detach().numpy()[:, None, None] - wanted)
        every = np.where(away < 1, away**2 / 2, away - 0.5)
        assert float(got.detach()) == pytest.approx(every.mean(), rel=1e-3)
        got.backward()
        assert training_step.network.embedding[2].weight.grad.abs().max() > 0

    def test_unmixed_crops_have_plain_patch_discrimination(self):
        # Of two crops the first is never mixed: its share is 1, its mixup weight 0.
        objective, training_step = made(
            "local-discrimination", steps=10, warmup=1.0, reach=16, apart=2.5
        )
        pair = views(2)
        terms = objective(training_step, pair, 0)
        drawn, points = first_draws(crops=2, reach=16)
        share = 0.5 + 0.5 * drawn[1]
        mixed = torch.stack([pair.first[0], share * pair.first[1] + (1 - share) * pair.first[0]])
        with torch.no_grad():
            first, _ = training_step.network(mixed)
            second, _ = training_step.network(pair.second)
        first, second = pair.shared(first, second)
        anchors, positives = points.gather(first), points.gather(second)
        partners = points.gather(second[[1, 0]])
        far = points.far_negatives(positives, 256)
        own = patch_discrimination(anchors, positives, far, points.near_negatives)
        other = patch_discrimination(anchors, partners, far, points.near_negatives)
        weight = torch.tensor([1.0, share])[points.owner][:, None]
        torch.testing.assert_close(terms["patch"].detach(), (weight * own).mean())
        torch.testing.assert_close(terms["mixup"].detach(), ((1 - weight) * other).mean())


class TestInstanceDiscrimination:
    def test_remembers_with_momentum(self):
        objective, training_step = made("instance-discrimination", bank_momentum=0.75)
        before, pair = objective.bank.clone(), views()
        terms = objective(training_step, pair, 0)
        objective.update()
        with torch.no_grad():
            seen = [pooled(training_step.network(x)[0]) for x in (pair.first, pair.second)]
        for row, image in enumerate(pair.image.tolist()):
            now = F.normalize(seen[0][row] + seen[1][row], dim=0)
            wanted = F.normalize(0.75 * before[image] + 0.25 * now, dim=0)
            torch.testing.assert_close(objective.bank[image], wanted)
        assert torch.equal(objective.bank[4], before[4])
        losses = [nonparametric_softmax(x, before, pair.image) for x in seen]
        torch.testing.assert_close(terms["instance"].detach(), sum(losses) / 2)

    def test_memory_is_on_the_sphere_and_takes_no_gradient(self):
        objective, _ = made("instance-discrimination")
        torch.testing.assert_close(objective.bank.norm(dim=1), torch.ones(5))
        assert not list(objective.parameters())
        assert "bank" in objective.state_dict()

    def test_nothing_to_update_before_the_first_step(self):
        objective, _ = made("instance-discrimination")
        before = objective.bank.clone()
        objective.update()
        assert torch.equal(objective.bank, before)


class TestSupervised:
    def test_is_the_cross_entropy_of_pooled_features(self):
        objective, training_step = made("supervised")
        pair = views()
        got = objective(training_step, pair, 0)["class"]
        with torch.no_grad():
            features = torch.cat([training_step.network.body(x) for x in (pair.first, pair.second)])
            scores = F.linear(features.mean((2, 3)), objective.head.weight, objective.head.bias)
        wanted = F.cross_entropy(scores, torch.tensor([0, 2, 1, 0] * 2))
        torch.testing.assert_close(got.detach(), wanted)

    def test_learns_classes_and_trains_the_body_alone(self):
        rng = np.random.default_rng(0)
        stripes = np.tile(np.arange(64) % 8 < 4, (64, 1)) * 120.0
        images = [
            np.clip(pattern + rng.normal(60, 10, (64, 64)), 0, 255).astype(np.uint8)
            for pattern in (stripes, np.zeros((64, 64))) * 4
        ]
        config = PretrainConfig(
            objective="supervised",
            steps=40,
            crops=6,
            crop=32,
            scales=(1.0,),
            learning_rate=0.01,
            precision="float32",
        )
        terms = []
        card = CARD.model_copy(update={"widths": (8, 8)})
        run = pretrain(images, card, config, classes=["stripes", "none"] * 4)
        encoder = drain(run, lambda event: terms.append(event.values.get("class")))
        losses = [term for term in terms if term is not None]
        assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
        assert encoder.card.training["classes"] == ["none", "stripes"]


def test_every_name_has_an_objective():
    assert set(get_args(ObjectiveName)) == set(OBJECTIVES)


@pytest.mark.parametrize("name", OBJECTIVES)
class TestEvery:
    def test_has_finite_terms_and_trains_the_network(self, name):
        codes = (5, 2) if OBJECTIVES[name].takes_teacher else ()
        settings = {"warmup": 0.0, "assignment": 1.0, "across": 1.0, "recall": 1.0}
        objective, training_step = made(name, codes=codes, **settings)
        terms = objective(training_step, coded(4, *codes) if codes else views(), 1)
        assert set(terms) == set(objective.terms)
        sum(terms.values()).backward()
        assert all(torch.isfinite(term) for term in terms.values())
        assert training_step.network.body.down[0][0].weight.grad.abs().sum() > 0

    def test_learns(self, name):
        images = [np.roll(np.indices((64, 64))[index % 2] * 4, 9 * index, 1) for index in range(6)]
        config = PretrainConfig(
            objective=name,
            steps=40,
            images=4,
            crops=4,
            crop=32,
            scales=(1.0,),
            turns="none",
            warmup=1.0,
        )
        card = CARD.model_copy(update={"widths": (8, 8), "embedding_dim": 8})
        losses = []
        run = pretrain(images, card, config, classes=list("ababab"))
        encoder = drain(run, lambda event: losses.append(event.values.get("loss")))
        steps = [loss for loss in losses if loss is not None]
        assert np.mean(steps[-8:]) < 0.95 * np.mean(steps[:8])
        assert encoder.card.training["objective"] == name
