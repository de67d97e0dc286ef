"""Global search for a slender target's centre under the closed-form shape KL.

The target is one direction in whitened feature space; its mask holds the pixels that score highest
along it, at the references' own density. Directions are screened, then polished by CMA-ES.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.features import PixelSet
from napari_localdisc.core.progress import Progress, Run
from napari_localdisc.core.shape_kl import Moments, gaussian_kl, shape_words

_SIDE = 128
_CROPS = 10
_SCREENED_ON = 4


@dataclass(frozen=True)
class Start:
    """A direction found.

    Attributes
    ----------
    direction : Tensor, shape (D,)
        Unit vector in whitened feature space.
    kl : float
        Shape KL in nats of its masks against the references.
    """

    direction: Tensor
    kl: float


class DirectionSearch:
    """Scores directions by the shape KL of the masks that they make.

    Parameters
    ----------
    pixels : PixelSet
    references : Tensor, shape (N, S, S)
        Reference masks on the canvas of `pixels`.
    seed : int
    """

    def __init__(self, pixels: PixelSet, references: Tensor, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        half = pixels.size // 2
        self.side = min(_SIDE, half - half // 8) // 2 * 2
        features, fields = pixels.coarse(half)
        masks = (F.adaptive_avg_pool2d(references[:, None].float(), half)[:, 0] >= 0.5).float()
        crops = self._crops(masks, masks.amax(dim=0)[None].expand_as(masks) > 0, 48)
        self.density = float(crops.mean())
        self.reference = Moments.of(shape_words(crops).transpose(0, 1).flatten(1))
        chosen = self._crops(features, fields, _CROPS)
        self.points = chosen.permute(0, 2, 3, 1).flatten(0, 2)

    def _crops(self, maps: Tensor, fields: Tensor, count: int) -> Tensor:
        """Crops (count, ..., side, side) that lie in the field of view as far as possible."""
        crops = []
        order = self.rng.permutation(len(maps))
        for index in range(count):
            one = order[index % len(maps)]
            tries = self.rng.integers(0, maps.shape[-1] - self.side + 1, size=(12, 2))
            spans = [(slice(r, r + self.side), slice(c, c + self.side)) for r, c in tries]
            filled = [float(fields[one][span].float().mean()) for span in spans]
            crops.append(maps[one][(..., *spans[int(np.argmax(filled))])])
        return torch.stack(crops)

    @torch.inference_mode()
    def kl(self, directions: Tensor, crops: int = _CROPS) -> Tensor:
        """Shape KL per direction: (B, D) to (B,)."""
        unit = F.normalize(directions, dim=1)
        points = self.points[: crops * self.side**2]
        scores = unit @ points.T
        rank = max(1, round((1 - self.density) * scores.shape[1]))
        thresholds = scores.kthvalue(rank, dim=1, keepdim=True).values
        masks = (scores > thresholds).float().view(-1, self.side, self.side)
        words = shape_words(masks).unflatten(0, (len(unit), -1)).transpose(1, 2).flatten(2)
        return gaussian_kl(Moments.of(words), self.reference)


def search(
    pixels: PixelSet, references: Tensor, candidates: int, generations: int, seed: int
) -> Run[Start]:
    """Find the direction whose masks look most like the references.

    Parameters
    ----------
    pixels : PixelSet
    references : Tensor, shape (N, S, S)
    candidates : int
        Random directions screened beside the axes.
    generations : int
        Of CMA-ES, from the best screened direction.
    seed : int

    Yields
    ------
    Progress
        With the best KL so far.
    """
    scorer = DirectionSearch(pixels, references, seed)
    dim = scorer.points.shape[1]
    generator = torch.Generator().manual_seed(seed)
    eye = torch.eye(dim)
    drawn = torch.cat([torch.randn(candidates, dim, generator=generator), eye, -eye])
    drawn = drawn.to(scorer.points.device)
    kls: list[Tensor] = []
    batches = drawn.split(16)
    for batch in batches:
        kls.append(scorer.kl(batch, _SCREENED_ON))
        best = float(torch.cat(kls).min())
        total = len(batches) + generations
        yield Progress("search", len(kls), total, "screening", {"kl": best})
    origin = F.normalize(drawn[int(torch.cat(kls).argmin())], dim=0)
    return (yield from _polish(scorer, origin, generations, seed, len(batches)))


def _polish(
    scorer: DirectionSearch, origin: Tensor, generations: int, seed: int, before: int
) -> Run[Start]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # where matplotlib is absent it warns that it cannot plot
        import cma  # takes seconds to import, and only slender targets need it

    options = {"popsize": 12, "seed": seed + 1, "verbose": -9, "maxiter": generations}
    strategy = cma.CMAEvolutionStrategy(origin.cpu().numpy().astype(float), 0.1, options)
    for generation in range(generations):
        asked = strategy.ask()
        batch = torch.tensor(np.array(asked), dtype=torch.float32, device=origin.device)
        strategy.tell(asked, scorer.kl(batch).tolist())
        best = float(strategy.best.f)
        done, total = before + generation + 1, before + generations
        yield Progress("search", done, total, f"KL {best:.2f}", {"kl": best})
    mean = torch.tensor(strategy.mean, dtype=torch.float32, device=origin.device)
    direction = F.normalize(mean, dim=0)
    return Start(direction, float(scorer.kl(direction[None])[0]))
