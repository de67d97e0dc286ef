"""Prior-guided clustering: from unlabelled images and a prior to a segmenter.

Start, guide, refine; every stage is judged by the same label-free shape KL, and a later stage replaces an
earlier one only where it agrees with the prior about as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from napari_localdisc.core.encoder import Encoder
from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.core.features import PixelSet, pixel_set
from napari_localdisc.core.framing import Frame
from napari_localdisc.core.heads import IGNORE, Head, HeadSettings, HeadTrainer, train_heads
from napari_localdisc.core.judging import Judge
from napari_localdisc.core.plan import Plan
from napari_localdisc.core.posterior import (
    Evidence,
    SlenderPosterior,
    compact_evidence,
    labels_of,
)
from napari_localdisc.core.priors import Prior
from napari_localdisc.core.progress import Progress, Run
from napari_localdisc.core.refinement import RefinedNet, Refiner
from napari_localdisc.core.segmenter import Segmenter, SegmenterCard, decide, lift_labels


class GuideConfig(BaseModel):
    """Recipe of a guidance.

    Attributes
    ----------
    size : int, optional
        Side of the canvas that images are laid on; chosen from the prior's width if not given.
    max_images : int
        At most so many of the images guide; drawn at random.
    starts : int
        Independent starts for compact targets.
    candidates, generations : int
        Effort of the search for slender targets.
    restore_steps, head_steps, refine_steps : int
        Training steps of the restorer, the heads and the refined network.
    rounds : int
        Refinements, each trained on the result of the last; 0 to skip.
    heads : int
        Heads trained in parallel.
    kl, region : float
        Weights of the critic's KL and of region discrimination.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: int = 0
    size: int | None = Field(default=None, ge=64, le=2048, multiple_of=8)
    max_images: int = Field(default=40, ge=1)
    starts: int = Field(default=3, ge=1)
    candidates: int = Field(default=96, ge=1)
    generations: int = Field(default=40, ge=0)
    restore_steps: int = Field(default=140, ge=1)
    head_steps: int = Field(default=80, ge=1)
    refine_steps: int = Field(default=120, ge=1)
    rounds: int = Field(default=1, ge=0)
    heads: int = Field(default=3, ge=1)
    kl: float = Field(default=0.05, ge=0)
    region: float = Field(default=0.1, ge=0)

    @classmethod
    def quick(cls, seed: int = 0) -> GuideConfig:
        """Little effort: seconds on small images, for previews and tests."""
        return cls(
            seed=seed,
            starts=2,
            candidates=32,
            generations=15,
            restore_steps=60,
            head_steps=30,
            refine_steps=30,
            heads=2,
        )


@dataclass(frozen=True)
class StageReport:
    """How a stage of guidance did.

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


_CROP = 128
_CRITIC_SIDE = 64
_HIGH, _LOW = 0.7, 0.3
_WORSE, _SLACK = 1.5, 0.1
"""A refinement is kept while its KL is at most this factor and this much above the guided one's."""
_AGREE = 0.5
_NONSENSE = 5.0


@dataclass(frozen=True)
class _Verdict:
    """A stage's result on the guiding images: probabilities, thresholds, tidy labels, shape KL."""

    stage: str
    shares: Tensor
    thresholds: tuple[float, ...]
    labels: npt.NDArray[np.uint8]
    kl: float


def guide(
    images: Sequence[npt.NDArray[np.generic]],
    prior: Prior,
    encoder: Encoder,
    config: GuideConfig | None = None,
    device: torch.device | None = None,
) -> Run[Guidance]:
    """Fit a segmenter to unlabelled images so that its masks follow the prior.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W) or (H, W, C)
        One image is enough; more are better.
    prior : Prior
    encoder : Encoder
    config : GuideConfig, optional
    device : torch.device, optional
        CPU if not given.

    Yields
    ------
    Progress
        Stages ``embed``, ``search``, ``restore``, ``guide`` and ``refine``; now and then with a preview of
        ``images[0]`` (labels of uint8, at the image's size) as payload.

    Raises
    ------
    LocaldiscError
        If there is no image, or one is not an image.
    """
    config, device = config or GuideConfig(), device or torch.device("cpu")
    if len(images) == 0:
        raise LocaldiscError("guidance needs at least one image, got none; give image files.")
    run = _Guide(images, prior, encoder, config, device)
    return (yield from run.run())


class _Guide:
    """State of one guidance."""

    def __init__(
        self,
        images: Sequence[npt.NDArray[np.generic]],
        prior: Prior,
        encoder: Encoder,
        config: GuideConfig,
        device: torch.device,
    ) -> None:
        self.images = [images[index] for index in _choose(len(images), config)]
        self.prior, self.encoder, self.config, self.device = prior, encoder, config, device
        self.plan = Plan.of(prior, encoder.card, config.size)
        self.references = self.plan.references(prior).to(device)
        self.judge = Judge(self.references, self.plan)
        self.slender: dict[int, SlenderPosterior] = {}
        self.stages: list[StageReport] = []
        self.warnings: list[str] = []

    def run(self) -> Run[Guidance]:
        network = self.encoder.network.to(self.device, memory_format=torch.channels_last)
        network.eval()
        pixels = yield from pixel_set(self.images, self.encoder, self.plan.size, self.device)
        evidence = yield from self._start(pixels)
        current = self._verdict("start", _shares(evidence, pixels.fields), pixels)
        yield self._preview(current)
        labels = labels_of(evidence, pixels.fields)
        head, current = yield from self._heads(pixels, labels)
        yield self._preview(current)
        refined = None
        for number in range(self.config.rounds):
            labels = yield from self._sharpen(pixels, labels, current, number)
            candidate, result = yield from self._refine(pixels, labels, number)
            if result.kl > _WORSE * current.kl + _SLACK:
                break
            refined, current = candidate, result
            yield self._preview(current)
        return self._finish(pixels, head, refined, current)

    def _start(self, pixels: PixelSet) -> Run[list[Evidence]]:
        config, found = self.config, dict[int, Evidence]()
        for target in self.plan.slender:
            posterior = SlenderPosterior(pixels, self.references[:, target], config.seed)
            self.slender[target] = posterior
            found[target] = yield from posterior.start(
                config.candidates, config.generations, config.restore_steps
            )
        if self.plan.compact:
            references = self.references[:, list(self.plan.compact)]
            posed = yield from compact_evidence(
                pixels, references, self.plan, config.starts, config.seed
            )
            found |= dict(zip(self.plan.compact, posed, strict=True))
        return [found[target] for target in range(len(self.plan.rules))]

    def _heads(self, pixels: PixelSet, labels: Tensor) -> Run[tuple[Head, _Verdict]]:
        compact = not self.plan.slender
        settings = HeadSettings(
            crop=pixels.size if compact else min(_CROP, pixels.size),
            batch=2 if compact else 6,
            turned=not compact,
            kl=self.config.kl,
            region=self.config.region,
            judged_at=_CRITIC_SIDE if compact else 0,
        )
        trainers = [
            HeadTrainer(pixels, labels, self.references, settings, self.config.seed + number)
            for number in range(self.config.heads)
        ]
        yield from train_heads(trainers, self.config.head_steps)
        verdicts = [
            self._verdict(f"head {number + 1}", _head_shares(trainer.head, pixels), pixels)
            for number, trainer in enumerate(trainers)
        ]
        self._compare([verdict.labels for verdict in verdicts])
        best = min(range(len(verdicts)), key=lambda index: verdicts[index].kl)
        return trainers[best].head, verdicts[best]

    def _sharpen(
        self, pixels: PixelSet, labels: Tensor, current: _Verdict, number: int
    ) -> Run[Tensor]:
        """Labels for refinement: what was undecided is decided by a better classifier."""
        if self.slender:
            evidence = []
            for target in range(len(self.plan.rules)):
                share = current.shares[:, target + 1].float()
                if target in self.slender:
                    steps = max(1, self.config.restore_steps // 2)
                    evidence.append((yield from self.slender[target].again(share, steps)))
                else:
                    evidence.append(Evidence(share, (share > _HIGH) | (share < _LOW)))
            return labels_of(evidence, pixels.fields)
        shares = current.shares.float()
        sure = shares.max(dim=1).values > _HIGH
        decided = torch.from_numpy(current.labels).to(labels)
        tidy = torch.where(sure & (shares.argmax(dim=1) == decided), decided, IGNORE)
        return torch.where(labels == IGNORE, tidy, labels) if number == 0 else tidy.to(torch.int8)

    def _refine(
        self, pixels: PixelSet, labels: Tensor, number: int
    ) -> Run[tuple[RefinedNet, _Verdict]]:
        torch.manual_seed(self.config.seed + number)
        network = RefinedNet.after(self.encoder.network, len(self.prior.targets))
        compact = not self.plan.slender
        crop = pixels.size if compact else min(_CROP, pixels.size)
        batch = 4 if compact else 6
        refiner = Refiner(network, pixels, crop, batch, not compact, self.config.seed + number)
        yield from refiner.fit(labels, self.config.refine_steps)
        return network, self._verdict(f"refine {number + 1}", refiner.shares(), pixels)

    def _verdict(self, stage: str, shares: Tensor, pixels: PixelSet) -> _Verdict:
        shares = shares * pixels.fields[:, None]
        thresholds = self.judge.thresholds(shares, pixels.fields)
        planes = shares.float().cpu().numpy()
        labels = np.stack([decide(one, thresholds, self.plan.rules) for one in planes])
        kl = self.judge.kl(labels, pixels.fields)
        area = float((labels > 0).sum() / max(1, int(pixels.fields.sum())))
        self.stages.append(StageReport(stage, kl, area))
        return _Verdict(stage, shares, thresholds, labels, kl)

    def _compare(self, results: list[npt.NDArray[np.uint8]]) -> None:
        for result in results[1:]:
            total = (results[0] > 0).sum() + (result > 0).sum()
            overlap = 2 * ((results[0] == result) & (result > 0)).sum() / max(1, total)
            if overlap < _AGREE:
                self.warnings.append(
                    f"heads disagree (Dice {overlap:.2f} between two of them): give more images, or"
                    " a prior closer to the structure."
                )
                return

    def _preview(self, current: _Verdict) -> Progress:
        image = self.images[0]
        place = Frame((image.shape[0], image.shape[1]), self.plan.size)
        labels = lift_labels(current.labels[0], place, len(self.prior.targets))
        message = f"{current.stage}: KL {current.kl:.2f}"
        return Progress("preview", 1, 1, message, {"kl": current.kl}, labels)

    def _finish(
        self, pixels: PixelSet, head: Head, refined: RefinedNet | None, current: _Verdict
    ) -> Guidance:
        if current.kl > _NONSENSE:
            self.warnings.append(
                f"the masks do not look like the prior (shape KL {current.kl:.1f}): check that the"
                " images show the structure and that the prior fits it, or try another seed."
            )
        if not current.labels.any():
            self.warnings.append("nothing was found: try another prior, encoder or seed.")
        card = SegmenterCard(
            encoder=self.encoder.card,
            targets=self.prior.targets,
            size=self.plan.size,
            thresholds=current.thresholds,
            rules=self.plan.rules,
            refined=refined is not None,
            recipe=self._recipe(current),
        )
        segmenter = Segmenter(card, self.encoder, head, pixels.whitening, refined)
        return Guidance(
            segmenter.settle(self.device), current.kl, tuple(self.stages), tuple(self.warnings)
        )

    def _recipe(self, current: _Verdict) -> dict[str, object]:
        return {
            "prior": self.prior.name,
            "references": len(self.prior),
            "images": len(self.images),
            "encoder": self.encoder.name,
            "device": self.device.type,
            "kept": current.stage,
            "kl": round(current.kl, 4),
            "guidance": self.config.model_dump(),
        }


def _choose(count: int, config: GuideConfig) -> list[int]:
    if count <= config.max_images:
        return list(range(count))
    drawn = np.random.default_rng(config.seed).permutation(count)[: config.max_images]
    return sorted(int(index) for index in drawn)


def _shares(evidence: list[Evidence], fields: Tensor) -> Tensor:
    shares = torch.stack([one.share for one in evidence], dim=1) * fields[:, None]
    rest = (1 - shares.sum(dim=1, keepdim=True)).clamp_min(0)
    return torch.cat([rest, shares], dim=1)


@torch.inference_mode()
def _head_shares(head: Head, pixels: PixelSet) -> Tensor:
    return torch.cat([head(one[None].float()).softmax(dim=1).half() for one in pixels.features])
