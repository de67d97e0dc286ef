"""Prior-guided clustering: from unlabelled images and a prior to a segmenter.

Start, guide, refine; every stage is judged by the same label-free shape KL, and a later stage
replaces an earlier one only where it agrees with the prior about as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.encoder.network import channels_last
from napari_localdisc.core.encoder.segmentation_net import SegmentationNet
from napari_localdisc.core.guidance.choose.prior_match import Judge
from napari_localdisc.core.guidance.choose.stage_result import (
    Verdict,
    disagreements,
    doubts,
    revise,
    sharpen_compact,
    size_doubts,
)
from napari_localdisc.core.guidance.config import Guidance, GuideConfig, StageReport, show_kl
from napari_localdisc.core.guidance.expect.posterior import shares_of
from napari_localdisc.core.guidance.initial_labels import Beliefs
from napari_localdisc.core.guidance.learn.copy_paste import Grafts
from napari_localdisc.core.guidance.learn.self_training import Refiner
from napari_localdisc.core.guidance.preview import LiveView
from napari_localdisc.core.guidance.start.first_look import glance
from napari_localdisc.core.guidance.working_resolution import Plan
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.segmenter.card import SegmenterCard
from napari_localdisc.core.segmenter.heads import (
    Head,
    HeadSettings,
    HeadTrainer,
    head_shares,
    look_of,
    train_heads,
)
from napari_localdisc.core.segmenter.one_sided_edges import without_edges
from napari_localdisc.core.segmenter.pixel_features import PixelSet, pixel_set
from napari_localdisc.core.segmenter.random_walker import on_edges
from napari_localdisc.core.segmenter.segmenter import Segmenter

__all__ = ["Guidance", "GuideConfig", "StageReport", "guide"]

_CROP = 128
_CRITIC_SIDE = 64
_AS_WELL = 2.0
"""Factor up to which the KL of a refinement may be higher than that of a head, which was trained
for a low one."""


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
        Stages ``embed``, ``search``, ``restore``, ``trace``, ``guide`` and ``refine``; now and then
        ``preview``, whose payload is the mask so far of the first image (labels of uint8, at its
        size).

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
        self.images = [images[index] for index in config.draw(len(images))]
        self.prior, self.encoder, self.config, self.device = prior, encoder, config, device
        self.plan = Plan.of(prior, encoder.card, config.size)
        self.references = self.plan.references(prior).to(device)
        self.judge = Judge(self.references, self.plan)
        self.stages: list[StageReport] = []
        self.warnings: list[str] = []

    def run(self) -> Run[Guidance]:
        network = channels_last(self.encoder.network.to(self.device))
        network.eval()
        yield from glance(self.images, self.encoder, self.judge, self.config.seed, self.device)
        pixels = yield from pixel_set(self.images, self.encoder, self.plan.size, self.device)
        height, width = self.images[0].shape[:2]
        self.live = LiveView((height, width), pixels.fields[0], self.judge)
        self.beliefs = Beliefs(pixels, self.references, self.plan, self.config, self.live)
        evidence = yield from self.beliefs.start()
        start = self._verdict("start", shares_of(evidence, pixels.fields), pixels)
        yield self._preview(start)
        labels = yield from self.beliefs.labels(evidence)
        head, current = yield from self._heads(pixels, labels)
        yield self._preview(current)
        refined = None
        for number in range(self.config.rounds):
            sharper = self._sharpen(labels, current, start, number)
            better = yield from self._refined(pixels, sharper, current, number)
            if better is None:
                break
            refined, current = better
            yield self._preview(current)
        traced = yield from self._traced(pixels, current)
        if traced is not None:
            current = traced
            yield self._preview(current)
        return self._finish(pixels, head, refined, current, traced is not None)

    def _heads(self, pixels: PixelSet, labels: Tensor) -> Run[tuple[Head, Verdict]]:
        compact = not self.plan.slender
        settings = HeadSettings(
            crop=pixels.size if compact else min(_CROP, pixels.size),
            batch=2 if compact else 6,
            slender=not compact,
            kl=self.config.kl,
            region=self.config.region,
            judged_at=_CRITIC_SIDE if compact else 0,
        )
        # Of slender targets the refinement, which has seen grafts, is better than any head.
        count = self.config.heads if compact else 1
        trainers = [
            HeadTrainer(pixels, labels, self.references, settings, self.config.seed + number)
            for number in range(count)
        ]
        training = train_heads(trainers, self.config.head_steps)
        yield from self.live.during(training, partial(look_of, trainers[0].head, pixels))
        verdicts = [
            self._verdict(f"head {number + 1}", head_shares(trainer.head, pixels), pixels)
            for number, trainer in enumerate(trainers)
        ]
        self.warnings += disagreements([verdict.labels for verdict in verdicts])
        best = min(range(len(verdicts)), key=lambda index: verdicts[index].kl)
        return trainers[best].head, verdicts[best]

    def _sharpen(self, labels: Tensor, current: Verdict, start: Verdict, number: int) -> Tensor:
        """Labels for refinement: what is undecided still is decided by a better classifier."""
        if not self.plan.slender:
            return sharpen_compact(current, labels, start)
        # Heads see no shapes, and say less of slender targets than what was restored.
        return revise(labels, current.shares, current.thresholds) if number else labels

    def _refined(
        self, pixels: PixelSet, labels: Tensor, current: Verdict, number: int
    ) -> Run[tuple[SegmentationNet, Verdict] | None]:
        """Refine, if that follows the prior as well as what there is."""
        refined = yield from self._refine(pixels, labels, number)
        return refined if refined[1].kl <= _AS_WELL * current.kl else None

    def _refine(
        self, pixels: PixelSet, labels: Tensor, number: int
    ) -> Run[tuple[SegmentationNet, Verdict]]:
        torch.manual_seed(self.config.seed + number)
        network = SegmentationNet.after(self.encoder.network, len(self.prior.targets))
        compact = not self.plan.slender
        crop = pixels.size if compact else min(_CROP, pixels.size)
        batch = 4 if compact else 6
        refiner = Refiner(network, pixels, crop, batch, not compact, self.config.seed + number)
        yield from self._fit(refiner, pixels, labels)
        return network, self._verdict(f"refine {number + 1}", refiner.shares(), pixels)

    def _fit(self, refiner: Refiner, pixels: PixelSet, labels: Tensor) -> Run[None]:
        """Train a refiner; where targets are slender with grafts, and on with revised labels."""
        grafts = [
            Grafts(pixels, self.references[:, target], labels, target + 1)
            for target in self.plan.slender
            if (labels == target + 1).any()
        ]
        steps = self.config.refine_steps
        yield from self.live.during(refiner.fit(labels, steps, grafts), refiner.look)
        if grafts:
            shares = refiner.shares() * pixels.fields[:, None]
            revised = revise(labels, shares, self.judge.thresholds(shares, pixels.fields))
            yield from self.live.during(refiner.fit(revised, steps, grafts), refiner.look)

    def _traced(self, pixels: PixelSet, current: Verdict) -> Run[Verdict | None]:
        """Move borders to edges, where all targets are compact and that shows about as well."""
        if self.plan.slender:
            return None
        edges = yield from on_edges(current.labels, self.plan.rules, pixels)
        if edges is None:
            return None
        return self._noted(current.traced(edges, pixels.fields, self.judge), pixels)

    def _verdict(self, stage: str, shares: Tensor, pixels: PixelSet) -> Verdict:
        found = self.judge.thresholds(shares * pixels.fields[:, None], pixels.fields)
        plain = without_edges(shares, pixels.whole, pixels.fields, found, self.plan.rules)
        return self._noted(Verdict.on(stage, plain, pixels.fields, self.judge), pixels)

    def _noted(self, verdict: Verdict, pixels: PixelSet) -> Verdict:
        area = verdict.area(pixels.fields)
        self.stages.append(StageReport(verdict.stage, verdict.kl, area))
        return verdict

    def _preview(self, current: Verdict) -> Progress:
        message = f"{current.stage}: KL {show_kl(current.kl)}"
        return self.live.preview(message, current.labels[0], {"kl": current.kl})

    def _finish(
        self,
        pixels: PixelSet,
        head: Head,
        refined: SegmentationNet | None,
        current: Verdict,
        on_edges: bool,
    ) -> Guidance:
        self.warnings += doubts(current, self.judge)
        self.warnings += size_doubts(current.labels, self.judge, self.prior.targets)
        card = SegmenterCard(
            encoder=self.encoder.card,
            targets=self.prior.targets,
            size=self.plan.size,
            thresholds=current.thresholds,
            rules=self.plan.rules,
            refined=refined is not None,
            traced=on_edges,
            recipe=self._recipe(current),
        )
        segmenter = Segmenter(card, self.encoder, head, pixels.whitening, refined)
        return Guidance(
            segmenter.settle(self.device), current.kl, tuple(self.stages), tuple(self.warnings)
        )

    def _recipe(self, current: Verdict) -> dict[str, object]:
        return {
            "prior": self.prior.name,
            "references": len(self.prior),
            "images": len(self.images),
            **self.encoder.card.identity,
            "device": self.device.type,
            "kept": current.stage,
            "kl": round(current.kl, 4),
            "warnings": list(self.warnings),
            "guidance": self.config.model_dump(),
        }
