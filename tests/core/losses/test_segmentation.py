from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.losses.segmentation import segmentation_loss, soft_dice_loss


class TestSoftDice:
    def test_worked_out_by_hand(self):
        shares = torch.tensor([[[0.5, 1.0, 0.0, 1.0]]])
        wanted = torch.tensor([[[1, 1, 0, -1]]])
        # (2 * 1.5 + 1) / (1.5 + 2 + 1)
        assert float(soft_dice_loss(shares, wanted)) == pytest.approx(1 - 4 / 4.5)

    def test_hard_masks_have_their_dice(self):
        rng = np.random.default_rng(0)
        found, truth = rng.random((2, 64, 64)) < 0.4
        loss = soft_dice_loss(
            torch.from_numpy(found[None] * 1.0), torch.from_numpy(truth[None] * 1)
        )
        assert 1 - float(loss) == pytest.approx(dice(found, truth), abs=1e-3)

    def test_shapes_must_agree(self):
        with pytest.raises(ValueError, match="`wanted` to be of shape"):
            soft_dice_loss(torch.zeros(1, 4, 4), torch.zeros(1, 4, 5))


class TestSegmentationLoss:
    def test_is_cross_entropy_and_the_soft_dice_of_each_target(self):
        logits = torch.randn(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
        wanted = torch.arange(32).view(2, 4, 4) % 4 - 1
        counted = wanted >= 0
        shares = logits.softmax(dim=1)
        total = F.cross_entropy(logits.movedim(1, -1)[counted], wanted[counted])
        for target in (1, 2):
            share, own = shares[:, target][counted], (wanted == target)[counted]
            total += 1 - (2 * share[own].sum() + 1) / (share.sum() + own.sum() + 1)
        torch.testing.assert_close(segmentation_loss(logits, wanted), total)

    def test_overlap_is_left_out_where_asked(self):
        logits, wanted = torch.randn(1, 3, 4, 4), torch.randint(-1, 3, (1, 4, 4))
        cross = F.cross_entropy(logits, wanted, ignore_index=-1)
        torch.testing.assert_close(segmentation_loss(logits, wanted, overlap=False), cross)

    def test_is_finite_where_no_pixel_counts(self):
        loss = segmentation_loss(torch.zeros(1, 2, 4, 4), torch.full((1, 4, 4), -1))
        assert float(loss) == pytest.approx(0)
