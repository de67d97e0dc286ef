from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from scipy.spatial.distance import cdist

from napari_localdisc.base.progress import drain
from napari_localdisc.core.losses.segmentation import IGNORE
from napari_localdisc.core.phantoms import fundus_phantom
from napari_localdisc.core.pretraining.pseudo_labels.codebooks import codebook_features
from napari_localdisc.core.pretraining.pseudo_labels.pseudo_label_maps import (
    PseudoLabelMaps,
    pseudo_label_loss,
)
from napari_localdisc.core.pretraining.sampling.image_pool import fill_pool
from tests.conftest import tiny_encoder

CPU = torch.device("cpu")


class TestPseudoLabelMaps:
    @pytest.fixture
    def teacher(self):
        teacher = tiny_encoder(channels=3)
        update = {"field_of_view": True, "training": {"scales": [0.25, 0.5]}}
        teacher.card = teacher.card.model_copy(update=update)
        return teacher

    @pytest.fixture
    def maps(self, teacher):
        images = [fundus_phantom(seed, 64).image for seed in range(2)]
        return PseudoLabelMaps(teacher, drain(fill_pool(images, range(2), teacher.card)), CPU)

    def test_are_the_clusters_of_the_whole_image_as_large_as_the_teacher_saw_it(
        self, teacher, maps
    ):
        seen = maps.normalised.take(1, 32, CPU)[None].float()
        with torch.no_grad():
            inputs = teacher.card.preprocessing.describe(seen[:, :-1], seen[:, -1:])
            wanted = teacher.network(inputs)[1].argmax(dim=1)
        wanted[:, seen[0, -1] == 0] = IGNORE
        assert len(wanted.unique()) > 2
        assert maps.counts == (teacher.card.clusters,)
        assert torch.equal(maps.take(1, 32), wanted)
        assert torch.equal(maps.take(1, 64), wanted.repeat_interleave(2, 1).repeat_interleave(2, 2))
        assert not torch.equal(maps.take(0, 32), wanted)

    def test_a_teacher_that_says_nothing_of_its_training_sees_the_working_size(self, teacher, maps):
        teacher.card = teacher.card.model_copy(update={"training": {}})
        maps = PseudoLabelMaps(teacher, maps.normalised.pool, CPU)
        assert maps.normalised.inputs(0, maps.scale, CPU)[0].shape[-1] == 64

    def test_of_codebooks_are_several_at_once(self, maps):
        drain(maps.fit((2, 5), seed=0))
        codes = maps.take(1, 32)
        assert (maps.counts, codes.shape) == ((2, 5), (2, 32, 32))
        for found, count in zip(codes, maps.counts, strict=True):
            assert set(found.unique().tolist()) == {*range(count), IGNORE}
        assert torch.equal(codes[0] == IGNORE, codes[1] == IGNORE)

    def test_of_codebooks_are_the_nearest_centres_of_what_the_teacher_sees(self, teacher, maps):
        drain(maps.fit((4,), seed=0))
        inputs, field = maps.normalised.inputs(1, maps.scale, CPU)
        with torch.no_grad():
            seen = codebook_features(teacher, inputs)[0].flatten(1).T.numpy()
        space = maps.books.space
        away = cdist((seen - space.mean) @ space.axes.T, maps.books.centres[0])
        wanted = torch.from_numpy(away.argmin(axis=1)).view(32, 32)
        wanted[field[0, 0] == 0] = IGNORE
        assert torch.equal(maps.take(1, 32)[0], wanted)

    def test_of_codebooks_follow_superpixels(self, teacher, maps):
        borders = []
        for side in (0, 5):
            coded = PseudoLabelMaps(teacher, maps.normalised.pool, CPU, superpixels=side)
            drain(coded.fit((6,), seed=0))
            codes = coded.take(1, 32)[0]
            borders.append(int((codes[1:] != codes[:-1]).sum()))
        assert 0 < borders[1] < 0.6 * borders[0]


class TestPseudoLabelLoss:
    @pytest.fixture
    def case(self):
        torch.manual_seed(0)
        told = (torch.randn(2, 3, 2, 2), torch.randn(2, 3, 2, 2))
        return told, torch.randint(3, (2, 1, 2, 2))

    def test_both_views_count_the_same(self, case):
        told, codes = case
        shown = torch.ones(2, 2, 2, dtype=torch.bool)
        pure = torch.tensor([True, False])[:, None, None]
        losses = [-F.log_softmax(x, dim=1).gather(1, codes)[:, 0] for x in told]
        wanted = (losses[0][0].mean() + losses[1].mean()) / 2
        assert pseudo_label_loss(told, codes, (pure, shown), [3]) == pytest.approx(float(wanted))

    def test_several_codes_count_the_same(self, case):
        told, codes = case
        shown = (torch.ones(2, 1, 1, dtype=torch.bool),) * 2
        other = torch.randn(2, 5, 2, 2), torch.randn(2, 5, 2, 2)
        drawn = torch.randint(5, (2, 1, 2, 2))
        alone = (
            float(pseudo_label_loss(told, codes, shown, [3])),
            float(pseudo_label_loss(other, drawn, shown, [5])),
        )
        both = tuple(torch.cat(pair, dim=1) for pair in zip(told, other, strict=True))
        found = pseudo_label_loss(both, torch.cat([codes, drawn], dim=1), shown, [3, 5])
        assert found == pytest.approx(sum(alone) / 2)

    def test_what_is_not_shown_or_has_no_code_counts_nothing(self, case):
        told, codes = case
        pure, shown = torch.ones(2, 1, 1, dtype=torch.bool), torch.ones(2, 2, 2, dtype=torch.bool)
        shown[0, 1], codes[1, 0, 0] = False, IGNORE
        before = pseudo_label_loss(told, codes, (pure, shown), [3])
        told[1][0, :, 1] += torch.randn(3, 2)
        for view in told:
            view[1, :, 0] += torch.randn(3, 2)
        assert pseudo_label_loss(told, codes, (pure, shown), [3]) == pytest.approx(float(before))

    def test_is_a_number_where_nothing_counts(self, case):
        told, codes = case
        none = torch.zeros(2, 1, 1, dtype=torch.bool)
        assert np.isfinite(float(pseudo_label_loss(told, codes, (none, none), [3])))
