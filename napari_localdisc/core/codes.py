"""Codes: to which of the clusters of plain pixels a pixel belongs.

What speech is pretrained by (HuBERT: Hsu et al., TASLP 2021): k-means on descriptions that nobody
trained says what there is to tell apart, and a network learns to tell it of what is varied and
hidden.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_localdisc.core.mixture import AXES, Mixture
from napari_localdisc.core.segmentation_losses import IGNORE


class CodeBook(nn.Module):
    """Clusters of a network's plain inputs, held in buffers.

    Parameters
    ----------
    inputs : int
        Channels C of the input.
    codes : int
        Clusters M.
    """

    mean: Tensor
    axes: Tensor
    centres: Tensor

    def __init__(self, inputs: int, codes: int) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(inputs))
        self.register_buffer("axes", torch.zeros(AXES, inputs))
        self.register_buffer("centres", torch.zeros(codes, AXES))

    def hold(self, mixture: Mixture) -> None:
        """Take up clusters, of at most `AXES` principal components."""
        count = len(mixture.axes)
        self.mean.copy_(torch.from_numpy(mixture.mean))
        self.axes[:count] = torch.from_numpy(mixture.axes)
        self.centres[:, :count] = torch.from_numpy(mixture.centres)

    @torch.no_grad()
    def forward(self, plain: Tensor) -> Tensor:
        """Tell the nearest cluster of each pixel of inputs (N, C, H, W): int64 (N, H, W)."""
        placed = F.conv2d(plain - self.mean[:, None, None], self.axes[..., None, None])
        offset = -0.5 * self.centres.square().sum(dim=1)
        return F.conv2d(placed, self.centres[..., None, None], offset).argmax(dim=1)


def told_codes(told: tuple[Tensor, Tensor], codes: tuple[Tensor, Tensor], shown: Tensor) -> Tensor:
    """Cross-entropy of the codes, as told of two views of the same crops.

    Parameters
    ----------
    told : tuple of two Tensors, shape (N, M, H, W)
        Logits.
    codes : tuple of two Tensors of int64, shape (N, H, W)
    shown : Tensor of bool, shape (N, H, W)
        Where the second view shows a pixel at all.

    Returns
    -------
    Tensor, scalar
        In nats: the mean of both views' means over pixels.
    """
    wanted = (codes[0], codes[1].masked_fill(~shown, IGNORE))
    errors = [
        F.cross_entropy(*pair, ignore_index=IGNORE) for pair in zip(told, wanted, strict=True)
    ]
    return torch.stack(errors).mean()
