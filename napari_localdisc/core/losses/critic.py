"""The critic: a density-ratio estimator between reference masks and predicted masks.

Trained to discriminate references (1) from predictions (0) by logistic loss, its logit estimates
``log Q(mask) / P(mask)``; minus its mean over predictions estimates ``KL(P || Q)``, the quantity
that guidance minimises (Chen et al., 2108.09440, section 3.2).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Critic(nn.Module):
    """Patch critics at several scales.

    Parameters
    ----------
    channels : int
        Targets plus context channels.
    width : int
        Channels of the first layer.
    scales : int
        Number of scales; each halves the resolution.
    depth : int
        Strided layers per scale.
    """

    def __init__(self, channels: int, width: int = 24, scales: int = 2, depth: int = 3) -> None:
        super().__init__()
        self.towers = nn.ModuleList(_tower(channels, width, depth) for _ in range(scales))

    def forward(self, masks: Tensor) -> Tensor:
        """Log density ratio per image, shape (N,), of masks (N, C, H, W) in [0, 1]."""
        logits = []
        for tower in self.towers:
            logits.append(tower(masks * 2 - 1).mean(dim=(1, 2, 3)))
            masks = F.avg_pool2d(masks, 2)
        return torch.stack(logits).mean(dim=0)


def _tower(channels: int, width: int, depth: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for level in range(depth):
        wide = width * 2 ** min(level, 2)
        layers += [
            nn.Conv2d(channels, wide, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2),
        ]
        channels = wide
    layers.append(nn.Conv2d(channels, 1, 3, padding=1))
    return nn.Sequential(*layers)


def critic_loss(references: Tensor, predictions: Tensor) -> Tensor:
    """Logistic loss of the logits of references and of predictions."""
    return F.softplus(-references).mean() + F.softplus(predictions).mean()


def kl_estimate(predictions: Tensor) -> Tensor:
    """KL(P || Q) in nats from the logits of predictions; may be slightly negative."""
    return -predictions.mean()
