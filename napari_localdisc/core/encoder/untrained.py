"""Untrained encoders: random weights in a trained encoder's architecture, for comparison."""

from __future__ import annotations

from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.encoder.initial_weights import initial_weights

RANDOM = "random"
"""What untrained encoders are called."""


def untrained_encoder(like: EncoderCard, seed: int = 0) -> Encoder:
    """Make an encoder of random weights.

    Parameters
    ----------
    like : EncoderCard
        Its architecture, preprocessing and working size are taken.
    seed : int
        The same seed gives the same weights. The state of torch's own generator stays as it is.
    """
    origin = {"untrained": True, "architecture": like.name, "seed": seed}
    facts = {"name": RANDOM, "version": "1", "training": origin, "training_sets": (), "probes": {}}
    card = like.model_copy(update=facts)
    with initial_weights(seed):
        return Encoder(card, card.build().eval())
