from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from napari_localdisc.core.encoder.network import LocalDiscriminationNet, UNet
from napari_localdisc.core.encoder.segmentation_net import SegmentationNet


@pytest.fixture
def network():
    torch.manual_seed(0)
    return LocalDiscriminationNet(3, (4, 8, 8), embedding_dim=6, clusters=5).eval()


@torch.inference_mode()
def test_branches(network):
    embedding, memberships = network(torch.randn(2, 3, 24, 40))
    assert embedding.shape == (2, 6, 24, 40)
    assert memberships.shape == (2, 5, 24, 40)
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2, 24, 40))
    torch.testing.assert_close(memberships.sum(dim=1), torch.ones(2, 24, 40))
    assert memberships.min() >= 0


@pytest.mark.parametrize("widths", [(4,), (4, 8), (4, 8, 8, 16)])
def test_features_at_full_resolution(widths):
    body = UNet(2, widths)
    assert body.stride == 2 ** (len(widths) - 1)
    assert body(torch.randn(1, 2, 16, 24)).shape == (1, body.features, 16, 24)


@torch.inference_mode()
def test_context_is_what_features_are_on_average_around_a_pixel():
    torch.manual_seed(0)
    plain, aware = (UNet(2, (4, 8, 8), context).eval() for context in ((), (2, 4)))
    aware.load_state_dict(plain.state_dict())
    noise = np.random.default_rng(0).normal(size=(1, 2, 32, 48))
    image = torch.from_numpy(gaussian_filter(noise, (0, 0, 2, 2))).float() * 5
    own, around = plain(image), aware(image)
    count = plain.features
    assert around.shape == (1, aware.features, 32, 48)
    torch.testing.assert_close(around[:, :count], own)
    for number, cell in ((1, 2), (2, 4)):
        found = around[0, number * count : (number + 1) * count].numpy()
        # A box of a cell, a blur of a cell, and a triangle of a cell to interpolate by.
        width = cell * (1 / 12 + 1 + 1 / 6) ** 0.5
        expected = gaussian_filter(own[0].numpy(), (0, width, width), mode="reflect")
        assert np.corrcoef(found.ravel(), expected.ravel())[0, 1] > 0.97


@pytest.mark.parametrize("context", [(), (4,)])
@torch.inference_mode()
def test_nothing_beyond_reach_matters(context):
    torch.manual_seed(0)
    body = UNet(3, (4, 8, 8), context).eval()
    side = 2 * body.reach + 4 * body.stride
    middle = side // 2
    image = torch.randn(1, 3, side, side)
    changed = image.clone()
    edge = middle - body.reach
    changed[..., :edge] += 5
    before, after = body(image), body(changed)
    torch.testing.assert_close(before[..., middle:], after[..., middle:])
    assert not torch.equal(before[..., edge], after[..., edge])


def test_both_branches_learn(network):
    embedding, memberships = network.train()(torch.randn(2, 3, 16, 16))
    (embedding[:, 0].sum() + memberships[:, 0].sum()).backward()
    assert all(p.grad is not None for p in network.parameters())


@torch.inference_mode()
def test_segmentation_begins_with_the_shares_expected(network):
    segmenting = SegmentationNet.after(network, targets=2).eval()
    shares = torch.tensor([0.9, 0.07, 0.03])
    segmenting.initialise_bias(shares)
    segmenting.head.weight.zero_()
    found = segmenting(torch.randn(1, 3, 8, 8)).softmax(dim=1)
    torch.testing.assert_close(found, shares[:, None, None].expand(1, 3, 8, 8))
