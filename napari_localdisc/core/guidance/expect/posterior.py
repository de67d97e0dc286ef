"""What the prior and a first score say together about every pixel: posterior labels for training.

The E-step of guidance for curvilinear targets, whose score maps are denoised; `posing` has that of
compact ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run, relay
from napari_localdisc.core.guidance.config import GuideConfig
from napari_localdisc.core.guidance.expect.mask_denoiser import MaskDenoiser
from napari_localdisc.core.guidance.start.direction_search import (
    Direction,
    screen_features,
    search_direction,
)
from napari_localdisc.core.losses.segmentation import IGNORE
from napari_localdisc.core.segmenter.pixel_features import PixelSet

_SURE, _SURELY_NOT = 0.5, 0.05
_HOPELESS = 1.5
"""Shape KL in nats of a look-alike: that of the structure itself is well below 1."""
_FEW, _CONVINCING = 5, 0.4
"""In fewer images look-alikes come as low as 0.7; the structure itself has 0.2 to 0.6."""
_NEXT_SEED = 1000


@dataclass(frozen=True)
class Evidence:
    """What is believed of one target.

    Attributes
    ----------
    probability : Tensor, shape (n, S, S)
        Probability in [0, 1].
    certain : Tensor of bool, shape (n, S, S)
        Where it may be learned from.
    """

    probability: Tensor
    certain: Tensor


def labels_of(evidence: list[Evidence], fields: Tensor) -> Tensor:
    """Labels of int8 (n, S, S): 1..K, 0 background, -1 undecided.

    Parameters
    ----------
    evidence : list of Evidence
        Per target.
    fields : Tensor of bool, shape (n, S, S)
    """
    certain = torch.stack([one.certain for one in evidence], dim=1)
    decided = certain.all(dim=1) | ~fields
    return torch.where(decided, winners(evidence, fields), IGNORE).to(torch.int8)


def winners(evidence: list[Evidence], fields: Tensor) -> Tensor:
    """Labels of int8 (n, S, S): 1..K, 0 background, whether certain or not."""
    best, winner = torch.stack([one.probability for one in evidence], dim=1).max(dim=1)
    return (torch.where(best > _SURE, winner + 1, 0) * fields).to(torch.int8)


def class_probabilities(evidence: list[Evidence], fields: Tensor) -> Tensor:
    """Class probabilities (n, K + 1, S, S), 0 the background, from evidence per target."""
    probabilities = torch.stack([one.probability for one in evidence], dim=1) * fields[:, None]
    rest = (1 - probabilities.sum(dim=1, keepdim=True)).clamp_min(0)
    return torch.cat([rest, probabilities], dim=1)


class CurvilinearPosterior:
    """Evidence for a curvilinear target.

    Parameters
    ----------
    pixels : PixelSet
    references : Tensor of bool, shape (N, S, S)
    seed : int
    """

    def __init__(self, pixels: PixelSet, references: Tensor, seed: int) -> None:
        self.pixels, self.references, self.seed = pixels, references, seed
        self.half = pixels.size // 2
        coarse = F.adaptive_avg_pool2d(references[:, None].float(), self.half)[:, 0] >= 0.5
        self.denoiser = MaskDenoiser(coarse, seed)
        self._best: Tensor | None = None

    def start(self, config: GuideConfig) -> Run[Evidence]:
        """Search for the target's direction and denoise its score maps."""
        found = yield from self._search(config)
        features, fields = self.pixels.coarse(self.half)
        scores = torch.einsum("ndhw,d->nhw", features, found.direction)
        return (yield from self._denoise(scores, fields, config.denoise_steps))

    def first_look(self) -> Run[Tensor]:
        """Look along the single feature that suits best, see `first_image_probabilities`."""
        screening = screen_features(self.pixels, self.references, self.seed)
        found = yield from relay(screening, self._noted)
        return self._along(found.direction)

    def _search(self, config: GuideConfig) -> Run[Direction]:
        """Search again, from another seed, while what is found is hopeless.

        In a few images a search is quick and easily led astray: there again until it convinces.
        """
        enough = _CONVINCING if len(self.pixels) < _FEW else _HOPELESS
        tried: list[Direction] = []
        while len(tried) < config.searches:
            seed = self.seed + len(tried) * _NEXT_SEED
            looking = search_direction(
                self.pixels, self.references, config.candidates, config.generations, seed
            )
            tried.append((yield from relay(looking, self._noted)))
            if tried[-1].kl <= enough:
                break
        return min(tried, key=lambda start: start.kl)

    def first_image_probabilities(self) -> Tensor | None:
        """Score map of the first image along the best direction so far, shape (S / 2, S / 2).

        In [0, 1] and rising with the score, no probability.
        """
        return None if self._best is None else self._along(self._best)

    def _along(self, direction: Tensor) -> Tensor:
        first = self.pixels.features[:1]
        coarse = F.adaptive_avg_pool2d(first.float(), self.half)[0]
        return torch.einsum("dhw,d->hw", coarse, direction).sigmoid()

    def _noted(self, event: Progress) -> Progress:
        if isinstance(event.payload, Tensor):
            self._best = event.payload
        return replace(event, payload=None)

    def _denoise(self, scores: Tensor, fields: Tensor, steps: int) -> Run[Evidence]:
        standard = torch.zeros_like(scores)
        for index, field in enumerate(fields):
            inside = scores[index][field]
            if len(inside) > 1:
                level = (scores[index] - inside.mean()) / inside.std().clamp_min(1e-6)
                standard[index] = level.clamp(-4, 6) * field
        yield from self.denoiser.fit(standard, fields, steps)
        denoised, trusted = self.denoiser(standard, fields)
        size = self.pixels.size
        probability = F.interpolate(denoised[:, None], size=(size, size), mode="bilinear")[:, 0]
        sure = F.interpolate(trusted[:, None].float(), size=(size, size))[:, 0] > 0.5
        outside = F.interpolate(fields[:, None].float(), size=(size, size))[:, 0] < 0.5
        return Evidence(
            probability, (sure & ((probability > _SURE) | (probability < _SURELY_NOT))) | outside
        )
