"""Pixel classifiers: what segmenter files of earlier versions may hold in place of a network.

They are read and segment as ever; guidance no longer makes any.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.segmenter.pixel_features import features_of


class PixelClassifier(nn.Module):
    """Classifier of whitened pixel features: two 1x1 convolutions beside a linear path.

    Parameters
    ----------
    card : EncoderCard
    components : int
        Length of a whitened feature vector.
    targets : int
        K; the output has K + 1 classes, 0 the background.
    hidden : int
    """

    whitening: Tensor

    def __init__(self, card: EncoderCard, components: int, targets: int, hidden: int = 24) -> None:
        super().__init__()
        features = card.embedding_dim + card.preprocessing.inputs
        self.encoder = card.build()
        self.register_buffer("whitening", torch.zeros(features, components))
        self.head = nn.ModuleDict(
            {
                "linear": nn.Conv2d(components, targets + 1, 1),
                "inner": nn.Conv2d(components, hidden, 1),
                "outer": nn.Conv2d(hidden, targets + 1, 1),
            }
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits (n, K + 1, S, S) of preprocessed inputs (n, C, S, S), zero out of the field."""
        fields = (inputs != 0).any(dim=1, keepdim=True).float()
        features = features_of(inputs, fields, self.encoder)
        white = torch.einsum("ndhw,de->nehw", features, self.whitening)
        nonlinear = self.head["outer"](F.relu(self.head["inner"](white)))
        logits: Tensor = nonlinear + self.head["linear"](white)
        return logits
