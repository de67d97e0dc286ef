from __future__ import annotations

import pytest
import torch

from napari_localdisc.base.determinism import MOST_THREADS, Determinism
from napari_localdisc.base.progress import drain
from napari_localdisc.core.pretraining.pretraining import PretrainConfig, pretrain
from napari_localdisc.core.pretraining.training_step import TrainingStep, choose_precision
from tests.conftest import tiny_encoder

CPU = torch.device("cpu")


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_results_are_float32_and_on_the_sphere(precision):
    training_step = TrainingStep(tiny_encoder().network, precision)
    views = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    embedding, memberships = training_step.branches(views)
    assert (
        embedding.dtype == memberships.dtype == training_step.features(views).dtype == torch.float32
    )
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2, 16, 16), atol=1e-5, rtol=0)
    torch.testing.assert_close(memberships.sum(dim=1), torch.ones(2, 16, 16), atol=1e-5, rtol=0)
    torch.testing.assert_close(training_step.embedding(views), embedding)
    exact, _ = tiny_encoder().network(views)
    loose = 0.0 if precision == torch.float32 else 0.05
    assert float((embedding - exact).detach().abs().max()) <= loose + 1e-6


def test_precision_is_chosen_by_the_device():
    assert choose_precision(PretrainConfig(), CPU) == torch.float32
    assert choose_precision(PretrainConfig(precision="bfloat16"), CPU) == torch.bfloat16
    exact = PretrainConfig(precision="float32")
    assert choose_precision(exact, torch.device("cuda")) == torch.float32


def test_trains_in_mixed_precision():
    images = [torch.randint(0, 256, (64, 64)).byte().numpy() for _ in range(3)]
    config = PretrainConfig(steps=3, images=2, crops=2, crop=32, precision="bfloat16")
    encoder = drain(pretrain(images, tiny_encoder().card, config))
    assert encoder.card.training["precision"] == "bfloat16"
    assert encoder.network.body.down[0][0].weight.dtype == torch.float32


class TestDeterminism:
    def test_has_a_stream_of_its_own(self):
        torch.manual_seed(1)
        stream = Determinism(7, CPU)
        with stream.active():
            first = torch.rand(2)
        outside = torch.rand(2)
        with stream.active():
            second = torch.rand(2)
        torch.manual_seed(7)
        assert torch.equal(torch.cat([first, second]), torch.cat([torch.rand(2), torch.rand(2)]))
        torch.manual_seed(1)
        assert torch.equal(outside, torch.rand(2))

    def test_puts_back_what_it_found_after_an_error_too(self):
        stream = Determinism(7, CPU)
        torch.manual_seed(1)
        before = torch.get_rng_state()
        with pytest.raises(RuntimeError, match="expected"), stream.active():
            assert torch.are_deterministic_algorithms_enabled()
            torch.rand(2)
            raise RuntimeError("expected")
        assert not torch.are_deterministic_algorithms_enabled()
        assert torch.equal(torch.get_rng_state(), before)

    def test_threads_are_bounded(self):
        threads = torch.get_num_threads()
        torch.set_num_threads(MOST_THREADS + 4)
        try:
            with Determinism(0, CPU).active():
                assert torch.get_num_threads() == MOST_THREADS
            assert torch.get_num_threads() == MOST_THREADS + 4
        finally:
            torch.set_num_threads(threads)
