"""Encoders: the pretrained network with a card that says what it is."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from napari_localdisc.base.card_fields import Cells, Scales, Text, Texts, Widths
from napari_localdisc.base.digest import digest
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.tensor_files import (
    filled,
    find_file,
    load_tensors,
    save_tensors,
    shipped_in,
)
from napari_localdisc.core.encoder.network import LocalDiscriminationNet, stride_of
from napari_localdisc.core.imaging.arrays import is_coloured
from napari_localdisc.core.imaging.preprocessing import Preprocessing

_SHIPPED = Path(__file__).parents[2] / "encoders"


class EncoderCard(BaseModel):
    """What an encoder is, what it was trained on and what it may be used for.

    Attributes
    ----------
    working_size : int
        Longer side in pixels at which the structures that it was trained for are seen best.
    sigmas, scales : tuple of float
        Of the preprocessing.
    context : tuple of int
        Of the network: sides in pixels of the cells that tell what lies around a pixel.
    training : dict
        Settings of the pretraining, enough to repeat it.
    probes : dict
        Dice of a linear probe per structure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Text
    version: Text = "1"
    modality: Text
    channels: int = Field(ge=1, le=3)
    field_of_view: bool = False
    sigmas: Scales = (6.0, 24.0)
    scales: Scales = (1.0, 2.0, 4.0, 8.0, 16.0)
    widths: Widths = (16, 32, 64, 64)
    context: Cells = ()
    embedding_dim: int = Field(default=48, ge=2, le=1024)
    clusters: int = Field(default=16, ge=2, le=255)
    working_size: int = Field(default=512, ge=32, le=8192)
    training_sets: Texts = ()
    training: dict[str, Any] = Field(default_factory=dict)
    probes: dict[str, float] = Field(default_factory=dict)
    licence: Text = "BSD-3-Clause"

    @model_validator(mode="after")
    def _has_whole_cells(self) -> Self:
        if any(self.stride % cell for cell in self.context):
            raise ValueError(f"context {self.context} does not divide the stride {self.stride}")
        return self

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are prepared for this encoder."""
        return Preprocessing(self.channels, self.field_of_view, self.sigmas, self.scales)

    @property
    def stride(self) -> int:
        """Factor by which the sides of what the network sees must be divisible."""
        return stride_of(self.widths)

    @property
    def identity(self) -> dict[str, str]:
        """Name and version, as they are told with every result."""
        return {"encoder": self.name, "encoder_version": self.version}

    def build(self) -> LocalDiscriminationNet:
        """Make the network, with random weights."""
        return LocalDiscriminationNet(
            self.preprocessing.inputs,
            self.widths,
            self.embedding_dim,
            self.clusters,
            self.context,
        )


@dataclass
class Encoder:
    """A network and its card."""

    card: EncoderCard
    network: LocalDiscriminationNet

    @property
    def name(self) -> str:
        """The card's name."""
        return self.card.name


def shipped_encoders() -> tuple[str, ...]:
    """Names of the encoders that come with the package."""
    return shipped_in(_SHIPPED)


def default_encoder(image: npt.NDArray[np.generic]) -> str:
    """Choose a shipped encoder by what the image looks like.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, C)

    Returns
    -------
    str
        ``"fundus"`` for a colour image, ``"chest-xray"`` for a grey one (RGB with equal channels
        too).
    """
    return "fundus" if is_coloured(image) else "chest-xray"


def untrained_encoder(card: EncoderCard, seed: int = 0) -> Encoder:
    """Make an encoder of a card's architecture with random weights, for comparison.

    Parameters
    ----------
    card : EncoderCard
    seed : int
        The same seed gives the same weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = card.build().eval()
    untrained = {"name": "random", "training_sets": (), "training": {"seed": seed}, "probes": {}}
    return Encoder(card.model_copy(update=untrained), network)


def save_encoder(encoder: Encoder, path: Path) -> None:
    """Write an encoder to one ``.safetensors`` file with its card in the header."""
    header = encoder.card.model_dump_json()
    save_tensors(Path(path), "encoder", header, encoder.network.state_dict())


def encoder_digest(encoder: Encoder) -> str:
    """Hash what `save_encoder` writes: two encoders of one digest see the same."""
    return digest(encoder.card.model_dump_json(), encoder.network.state_dict())


def load_encoder(name_or_path: str | Path) -> Encoder:
    """Load a shipped encoder by name, or any by path.

    Raises
    ------
    LocaldiscError
        If there is no such encoder, or the file is not an encoder or does not fit its card.
    """
    path = find_file(name_or_path, "encoder", _SHIPPED)
    header, tensors = load_tensors(path, "encoder")
    try:
        card = EncoderCard.model_validate_json(header)
    except ValidationError as error:
        raise LocaldiscError(
            f"the card of encoder {path} is not valid ({error.errors()[0]['msg']})."
        ) from error
    return Encoder(card, filled(card.build, tensors, path))
