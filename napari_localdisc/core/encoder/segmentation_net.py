"""The encoder's U-Net under a head that segments."""

from __future__ import annotations

import copy

from torch import Tensor, nn

from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.network import LocalDiscriminationNet, UNet


class SegmentationNet(nn.Module):
    """The encoder's U-Net with a segmentation head.

    Parameters
    ----------
    body : UNet
    targets : int
        K; the output has K + 1 classes, 0 the background.
    """

    def __init__(self, body: UNet, targets: int) -> None:
        super().__init__()
        self.body = body
        self.head = nn.Conv2d(body.features, targets + 1, 1)

    @classmethod
    def of(cls, card: EncoderCard, targets: int) -> SegmentationNet:
        """Build with random weights for an encoder's card."""
        return cls(card.build().body, targets)

    @classmethod
    def after(cls, network: LocalDiscriminationNet, targets: int) -> SegmentationNet:
        """Start from the weights of a pretrained encoder."""
        return cls(copy.deepcopy(network.body), targets).to(next(network.parameters()).device)

    def initialise_bias(self, frequencies: Tensor) -> None:
        """Begin with the classes' shares (K + 1,): a short training need not learn them first."""
        self.head.bias = nn.Parameter(frequencies.log().to(self.head.weight))

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (n, K + 1, H, W) of preprocessed inputs (n, C, H, W)."""
        logits: Tensor = self.head(self.body(inputs))
        return logits
