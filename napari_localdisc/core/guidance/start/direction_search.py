"""Direction search: a curvilinear target's centre under the closed-form shape KL, by CMA-ES.

The target is one direction in whitened feature space; its mask holds the pixels that score highest
along it, at the references' own density. Directions are screened, then race, polished by CMA-ES.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.guidance.config import show_kl
from napari_localdisc.core.losses.shape_kl import Moments, gaussian_kl, shape_descriptors
from napari_localdisc.core.segmenter.pixel_features import PixelSet

_SIDE, _CROPS = 128, 10
"""Side in pixels of the crops that shapes are compared on, and their number."""
_FEW = 4
"""Crops of the screening and of the first heats."""
_BATCH = 16
"""Directions screened at a time."""
_RACERS = 8
"""Directions that CMA-ES begins with."""
_HEAT = 8
"""Generations of each of the first heats."""
_COPY = 0.8
"""Cosine from which two directions count as one."""


@dataclass(frozen=True)
class Direction:
    """A direction in feature space.

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
        self.reference = Moments.of(shape_descriptors(crops).transpose(0, 1).flatten(1))
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
        words = shape_descriptors(masks).unflatten(0, (len(unit), -1)).transpose(1, 2).flatten(2)
        return gaussian_kl(Moments.of(words), self.reference)


def search_direction(
    pixels: PixelSet, references: Tensor, candidates: int, generations: int, seed: int
) -> Run[Direction]:
    """Search for the direction whose masks have the lowest shape KL.

    Directions are screened; the best of them, unlike each other, race: all are polished by CMA-ES,
    and after each heat the half with the higher KL drops out. A single start often ends on a
    look-alike of the target, whose KL is higher.

    Parameters
    ----------
    pixels : PixelSet
    references : Tensor, shape (N, S, S)
    candidates : int
        Random directions screened beside single features.
    generations : int
        Of CMA-ES for the winner, the heats included.
    seed : int

    Yields
    ------
    Progress
        While screening with the best KL so far, then with that of the racer whose turn it was; the
        payload is the direction, shape (D,), that the KL is of.
    """
    scorer = DirectionSearch(pixels, references, seed)
    drawn = torch.cat([_single_features(pixels.whitening), _random(pixels, candidates, seed)])
    heats = _heats(generations)
    done = -(-len(drawn) // _BATCH)
    total = done + sum(racers * length for racers, length in heats)
    kls = yield from _screened(scorer, drawn, total)
    field = [
        _Racer(scorer, origin, seed + number)
        for number, origin in enumerate(_unlike(drawn, kls, _RACERS))
    ]
    for heat, (racers, length) in enumerate(heats):
        crops = _CROPS if heat == len(heats) - 1 else _FEW
        field = sorted(field, key=lambda racer: racer.kl)[:racers]
        for racer in field:
            for _ in range(length):
                racer.improve(crops)
                done += 1
                message = f"KL {show_kl(racer.kl)}"
                yield Progress("search", done, total, message, {"kl": racer.kl}, racer.direction)
    return field[0].finish()


def screen_features(pixels: PixelSet, references: Tensor, seed: int) -> Run[Direction]:
    """Screen single features for the one whose masks have the lowest shape KL.

    Takes and yields what `search_direction` does.
    """
    scorer = DirectionSearch(pixels, references, seed)
    drawn = _single_features(pixels.whitening)
    kls = yield from _screened(scorer, drawn, -(-len(drawn) // _BATCH))
    best = int(kls.argmin())
    return Direction(drawn[best], float(kls[best]))


def _screened(scorer: DirectionSearch, directions: Tensor, total: int) -> Run[Tensor]:
    """Shape KL (B,) on few crops of directions (B, D)."""
    kls: list[Tensor] = []
    for batch in directions.split(_BATCH):
        kls.append(scorer.kl(batch, _FEW))
        screened = torch.cat(kls)
        best = int(screened.argmin())
        values = {"kl": float(screened[best])}
        yield Progress("search", len(kls), total, "screening", values, directions[best])
    return torch.cat(kls)


def _single_features(whitening: Tensor) -> Tensor:
    """Directions (2 F, D) along which pixels score as in one of the F features, or its negative.

    Responses of ridge filters are among them, from which a search goes less astray.
    """
    alone = F.normalize(torch.linalg.pinv(whitening).T, dim=1)
    return torch.cat([alone, -alone])


def _random(pixels: PixelSet, count: int, seed: int) -> Tensor:
    drawn = torch.randn(
        count, pixels.whitening.shape[1], generator=torch.Generator().manual_seed(seed)
    )
    return F.normalize(drawn, dim=1).to(pixels.whitening.device)


def _heats(generations: int) -> list[tuple[int, int]]:
    """Racers and generations of each heat; the winner alone runs the last."""
    length = min(_HEAT, generations // 4)
    heats = [(_RACERS, length), (_RACERS // 2, length), (_RACERS // 4, length)]
    return [*heats, (1, generations - 3 * length)]


def _unlike(directions: Tensor, kls: Tensor, count: int) -> list[Tensor]:
    """Pick the directions of lowest KL that are no near copies of one another."""
    chosen: list[Tensor] = []
    for index in kls.argsort().tolist():
        if len(chosen) == count:
            break
        if all(float(directions[index] @ other) < _COPY for other in chosen):
            chosen.append(directions[index])
    return chosen


def _normal(rng: np.random.Generator) -> Callable[..., npt.NDArray[np.float64]]:
    """Draw standard normal numbers as `numpy.random.randn` does."""
    return lambda *shape: rng.standard_normal(shape)


class _Racer:
    """CMA-ES from one direction."""

    def __init__(self, scorer: DirectionSearch, origin: Tensor, seed: int) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # where matplotlib is absent it warns: it cannot plot
            import cma  # takes seconds to import, and only curvilinear targets need it

        rng = np.random.default_rng(seed)  # of its own: numpy's global one belongs to the caller
        options = {"popsize": 12, "verbose": -9, "seed": np.nan, "randn": _normal(rng)}
        self.scorer, self.device = scorer, origin.device
        start = origin.cpu().numpy().astype(float)
        self.strategy = cma.CMAEvolutionStrategy(start, 0.1, options)
        self.kl = float("inf")

    def improve(self, crops: int) -> None:
        """One generation; `kl` becomes its best."""
        asked = self.strategy.ask()
        batch = torch.tensor(np.array(asked), dtype=torch.float32, device=self.device)
        kls = self.scorer.kl(batch, crops).tolist()
        self.strategy.tell(asked, kls)
        self.kl = min(kls)

    @property
    def direction(self) -> Tensor:
        """Direction in the middle of the last generation, shape (D,)."""
        mean = torch.tensor(self.strategy.mean, dtype=torch.float32, device=self.device)
        return F.normalize(mean, dim=0)

    def finish(self) -> Direction:
        """Score the direction on all crops."""
        return Direction(self.direction, float(self.scorer.kl(self.direction[None])[0]))
