"""Configuration and result of a guidance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from napari_localdisc.core.priors import Place

if TYPE_CHECKING:
    from napari_localdisc.core.segmenter.segmenter import Segmenter

_MOST_SHOWN = 1000.0


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
    denoise_steps, head_steps, refine_steps : int
        Training steps of the denoiser, the heads and the refined network.
    rounds : int
        Refinements, each trained on the result of the last; 0 to skip.
    heads : int
        Heads trained in parallel for compact targets that lie anywhere; for others it is one.
    kl, region : float
        Weights of the critic's KL and of region discrimination.
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
    head_steps: int = Field(default=80, ge=1)
    refine_steps: int = Field(default=120, ge=1)
    rounds: int = Field(default=1, ge=0)
    heads: int = Field(default=3, ge=1)
    kl: float = Field(default=0.05, ge=0)
    region: float = Field(default=0.1, ge=0)
    align: bool = True
    follow_edges: bool = True

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
            head_steps=30,
            refine_steps=30,
            heads=2,
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
        ``"start"``, ``"head 1"``, ``"refine 1"``, ...
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
