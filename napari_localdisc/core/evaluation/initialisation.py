"""Initialisations of a segmentation network before fine-tuning."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch

from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.initial_weights import initial_weights
from napari_localdisc.core.encoder.network import LocalDiscriminationNet
from napari_localdisc.core.encoder.segmentation_net import SegmentationNet


@dataclass(frozen=True)
class Initialisation:
    """Weights to start from.

    Attributes
    ----------
    name : str
    card : EncoderCard
        Architecture and preprocessing.
    network : LocalDiscriminationNet, optional
        Its weights; random ones if not given.
    """

    name: str
    card: EncoderCard
    network: LocalDiscriminationNet | None = None

    def build(self, seed: int, device: torch.device) -> SegmentationNet:
        """Make the network for one target, with a fresh head that the seed decides alone."""
        with initial_weights(seed):
            if self.network is None:
                built = SegmentationNet.of(self.card, 1)
            else:
                built = SegmentationNet.after(self.network, 1)
        with initial_weights(seed):
            built.head.reset_parameters()
        return built.to(device)

    @property
    def fingerprint(self) -> str:
        """A short text that differs where weights, architecture or preprocessing do."""
        card = self.card
        # Networks without context keep the fingerprint of versions that had no context.
        shape = (card.preprocessing, card.widths, *([card.context] if card.context else []))
        digest = hashlib.sha256(repr(shape).encode())
        if self.network is None:
            return f"random weights {digest.hexdigest()[:12]}"
        for name, tensor in sorted(self.network.body.state_dict().items()):
            digest.update(name.encode() + tensor.cpu().contiguous().numpy().tobytes())
        return f"{card.name} {digest.hexdigest()[:12]}"
