"""Segmenter cards: what a segmenter is and how it was made, without its networks and torch."""

from __future__ import annotations

from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from napari_localdisc.base.card_fields import Share, Text
from napari_localdisc.base.errors import printable
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.imaging.window import WHOLE, Window
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics


class SegmenterCard(BaseModel):
    """What a segmenter is and how it was made.

    Attributes
    ----------
    targets : tuple of str
        Names of the K targets; label k in a mask is ``targets[k - 1]``.
    size : int
        Side in pixels of the canvas that images are laid on, or of the window on it.
    window : Window
        The part of the canvas that the networks see; nothing is found outside.
    thresholds : tuple of float
        Probability from which a pixel belongs to a target.
    rules : tuple of ShapeStatistics
        Shape facts of the prior, used to tidy masks.
    refined : bool
        Whether a network decides; in files of earlier versions a pixel classifier may.
    traced : bool
        Whether borders are moved to edges of the image in the end.
    recipe : dict
        Settings of the guidance, enough to repeat it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: EncoderCard
    targets: tuple[Text, ...] = Field(min_length=1, max_length=255)
    size: int = Field(ge=32, le=4096, multiple_of=8)
    window: Window = WHOLE
    thresholds: tuple[Share, ...]
    rules: tuple[ShapeStatistics, ...]
    refined: bool = True
    traced: bool = False
    recipe: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not len(self.targets) == len(self.thresholds) == len(self.rules):
            raise ValueError("targets, thresholds and rules differ in number")
        if self.size % self.encoder.stride or self.size < 2 * self.encoder.stride:
            raise ValueError(f"a canvas of {self.size} is nothing for a stride of this encoder")
        return self

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its guidance warned of."""
        told = self.recipe.get("warnings", ())
        lines = told if isinstance(told, list | tuple) else ()
        return tuple(printable(line) for line in lines if isinstance(line, str))
