from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from napari_localdisc.base.progress import drain
from napari_localdisc.core.guidance.expect.mask_denoiser import MaskDenoiser
from napari_localdisc.core.priors import simulate


def vessels(count, seed):
    masks = torch.from_numpy(simulate("vessels", count, seed, size=256).masks[:, 0]).float()
    return F.adaptive_avg_pool2d(masks[:, None], 128)[:, 0] >= 0.3


def standard(maps):
    return (maps - maps.mean(dim=(1, 2), keepdim=True)) / maps.std(dim=(1, 2), keepdim=True)


def dice(a, b):
    return float(2 * (a & b).sum() / (a.sum() + b.sum()))


@pytest.fixture(scope="module")
def noisy():
    """Masks that no reference shows, under noise."""
    masks = vessels(2, seed=50)
    noise = torch.randn(masks.shape, generator=torch.Generator().manual_seed(0))
    return masks, standard(masks.float() + 0.4 * noise)


def test_removes_noise_better_than_a_threshold(noisy):
    masks, scores = noisy
    fields = torch.ones_like(masks)
    denoiser = MaskDenoiser(vessels(6, seed=0), seed=0)
    drain(denoiser.fit(scores, fields, 60))
    restored, trusted = denoiser(scores, fields)
    levels = torch.linspace(-1, 4, 51)
    best = max(dice(scores > level, masks) for level in levels)
    assert max(dice(restored > level, masks) for level in (0.3, 0.4, 0.5)) > best + 0.05
    assert trusted.all()
    assert restored.min() >= 0
    assert restored.max() <= 1


def test_the_rim_is_not_trusted_and_any_side_works():
    fields = torch.zeros(1, 50, 50, dtype=torch.bool)
    fields[:, 10:40, 10:40] = True
    references = torch.zeros(2, 50, 50, dtype=torch.bool)
    references[:, 24:26, 5:45] = True
    scores = standard(torch.randn(1, 50, 50, generator=torch.Generator().manual_seed(0)))
    denoiser = MaskDenoiser(references, seed=0)
    events = []
    drain(denoiser.fit(scores, fields, 2), events.append)
    assert [(event.stage, event.done, event.total) for event in events] == [
        ("denoise", 1, 2),
        ("denoise", 2, 2),
    ]
    restored, trusted = denoiser(scores, fields)
    assert restored.shape == (1, 50, 50)
    assert trusted.sum() == 22 * 22
    assert (restored[~trusted] == 0).all()
