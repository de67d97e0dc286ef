from __future__ import annotations

import pytest
import torch

from napari_localdisc.core.imaging.scaling import scale_about_centre


def disc(row: float, column: float, radius: float) -> torch.Tensor:
    line = torch.arange(64)
    return ((line[:, None] - row) ** 2 + (line[None] - column) ** 2 <= radius**2).float()


@pytest.mark.parametrize("factor", [0.7, 1.0, 1.4])
def test_a_disc_stays_where_it_is(factor):
    masks = torch.stack([disc(20, 40, 8), disc(33, 25, 8)])[:, None]
    scaled = (scale_about_centre(masks, torch.full((2,), factor)) > 0.5).float()
    wanted = torch.stack([disc(20, 40, 8 * factor), disc(33, 25, 8 * factor)])[:, None]
    overlap = 2 * (scaled * wanted).sum() / (scaled + wanted).sum()
    assert overlap > 0.95


def test_targets_move_together():
    masks = torch.stack([disc(32, 20, 5), disc(32, 44, 5)])[None]
    scaled = scale_about_centre(masks, torch.tensor([1.5])) > 0.5
    columns = [torch.nonzero(one)[:, 1].float().mean().item() for one in scaled[0]]
    assert columns == pytest.approx([32 - 18, 32 + 18], abs=0.5)


def test_each_by_its_own_factor():
    masks = disc(32, 32, 8).expand(2, 1, 64, 64)
    areas = scale_about_centre(masks, torch.tensor([0.5, 2.0])).sum(dim=(1, 2, 3))
    assert (areas / masks[0].sum()).tolist() == pytest.approx([0.25, 4.0], rel=0.05)


def test_height_and_width_are_scaled_apart():
    masks = disc(30, 25, 8)[None, None]
    scaled = scale_about_centre(masks, torch.tensor([[1.5, 0.75]]))[0, 0] > 0.5
    rows, columns = scaled.nonzero().unbind(1)
    assert (int(rows.min()), int(rows.max())) == pytest.approx((30 - 12, 30 + 12), abs=1)
    assert (int(columns.min()), int(columns.max())) == pytest.approx((25 - 6, 25 + 6), abs=1)


def test_nothing_stays_nothing():
    assert not scale_about_centre(torch.zeros(1, 1, 8, 8), torch.tensor([1.3])).any()
