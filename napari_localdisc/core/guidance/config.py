"""Configuration and result of a guidance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import AliasChoices, BaseModel, ConfigDict, Field, model_validator

from napari_localdisc.core.priors import Place

if TYPE_CHECKING:
    from napari_localdisc.core.segmenter.segmenter import Segmenter

_MOST_SHOWN = 1000.0
_FORMER = {"head_steps", "heads", "kl", "region", "rounds"}
"""Settings of stages that are gone; recipes of earlier versions name them."""


class GuideConfig(BaseModel):
    """Settings of a guidance.

    Attributes
    ----------
    size : int, optional
        Side of the canvas that images are laid on; chosen from the prior's width if not given.
    place : {"auto", "drawn", "free"}
        Whether the structure lies where the references lie, anywhere, or as they tell.
    max_images : int
        At most so many of the images guide: the first, which is previewed, and others at random.
    starts : int
        Independent starts for compact targets that lie anywhere.
    candidates, generations : int
        Effort of a search for a curvilinear target.
    searches : int
        Searches at most; another begins where what the last one found is nothing like the prior.
    denoise_steps, refine_steps : int
        Training steps of the denoiser and of the network.
    align : bool
        Whether images are aligned as a group, of structures with a place.
    follow_edges : bool
        Whether a random walker follows the edges of each image, of structures with a place.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = Field(default=0, ge=0, lt=2**31)
    size: int | None = Field(default=None, ge=64, le=2048, multiple_of=8)
    place: Place = "auto"
    max_images: int = Field(default=40, ge=1)
    starts: int = Field(default=8, ge=1)
    candidates: int = Field(default=96, ge=1)
    generations: int = Field(default=40, ge=0)
    searches: int = Field(default=3, ge=1)
    denoise_steps: int = Field(
        default=140, ge=1, validation_alias=AliasChoices("denoise_steps", "restore_steps")
    )
    refine_steps: int = Field(default=120, ge=1)
    align: bool = True
    follow_edges: bool = True

    @model_validator(mode="before")
    @classmethod
    def _without_former_settings(cls, given: Any) -> Any:
        if not isinstance(given, Mapping):
            return given
        return {name: value for name, value in given.items() if name not in _FORMER}

    @classmethod
    def quick(cls, seed: int = 0) -> GuideConfig:
        """Choose settings of little effort: seconds on small images, for previews and tests."""
        return cls(
            seed=seed,
            starts=2,
            candidates=32,
            generations=15,
            searches=1,
            denoise_steps=60,
            refine_steps=30,
        )

    def draw(self, count: int) -> list[int]:
        """Draw indices of guiding images: the first, and others at random, in their order."""
        others = np.random.default_rng(self.seed).permutation(np.arange(1, count))
        return [0, *sorted(int(index) for index in others[: self.max_images - 1])]


@dataclass(frozen=True)
class StageReport:
    """Shape KL and area of the masks of a stage of guidance.

    Attributes
    ----------
    stage : str
        ``"start"``, ``"refine"`` or ``"refine, traced"``.
    kl : float
        Shape KL in nats against the references.
    area : float
        Share of the field of view given to any target.
    """

    stage: str
    kl: float
    area: float


@dataclass(frozen=True)
class Guidance:
    """Result of a guidance.

    Attributes
    ----------
    segmenter : Segmenter
    kl : float
        Shape KL in nats of its masks.
    stages : tuple of StageReport
    warnings : tuple of str
        One sentence each: what looks wrong and what to try.
    """

    segmenter: Segmenter
    kl: float
    stages: tuple[StageReport, ...]
    warnings: tuple[str, ...]


def show_kl(kl: float) -> str:
    """Write a KL for people: of masks that are nothing like the references no digit means anything.

    Examples
    --------
    >>> show_kl(0.876), show_kl(3e11)
    ('0.88', 'very large')
    """
    return f"{kl:.2f}" if kl < _MOST_SHOWN else "very large"
