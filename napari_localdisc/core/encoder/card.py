"""Encoder cards: what an encoder is, without its network and without torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_localdisc.base.card_fields import Cells, Scales, Text, Texts, Widths
from napari_localdisc.base.shipped import ENCODERS

if TYPE_CHECKING:
    from napari_localdisc.core.encoder.network import LocalDiscriminationNet
    from napari_localdisc.core.imaging.preprocessing import Preprocessing


def shipped_encoders() -> tuple[str, ...]:
    """Names of the encoders that come with the package."""
    return ENCODERS.names


def stride_of(widths: Sequence[int]) -> int:
    """Tell by how much the deepest of these levels reduces height and width."""
    return int(2 ** (len(widths) - 1))


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
        from napari_localdisc.core.imaging.preprocessing import Preprocessing

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
        from napari_localdisc.core.encoder.network import LocalDiscriminationNet

        return LocalDiscriminationNet(
            self.preprocessing.inputs,
            self.widths,
            self.embedding_dim,
            self.clusters,
            self.context,
        )
