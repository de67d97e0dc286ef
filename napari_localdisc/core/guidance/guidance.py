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
from napari_localdisc.core.guidance.choose.prior_match import PriorMatch
from napari_localdisc.core.guidance.choose.stage_result import (
    StageResult,
    complete_labels,
    disagreement_warnings,
    result_warnings,
    self_training_labels,
    size_warnings,
)
from napari_localdisc.core.guidance.config import Guidance, GuideConfig, StageReport, show_kl
from napari_localdisc.core.guidance.expect.posterior import class_probabilities
from napari_localdisc.core.guidance.initial_labels import InitialLabels
from napari_localdisc.core.guidance.learn.copy_paste import CopyPaste
from napari_localdisc.core.guidance.learn.self_training import SelfTrainer
from napari_localdisc.core.guidance.preview import Previewer
from napari_localdisc.core.guidance.start.first_look import first_look
from napari_localdisc.core.guidance.working_resolution import WorkingResolution
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.segmenter.card import SegmenterCard
from napari_localdisc.core.segmenter.heads import (
    Head,
    HeadSettings,
    HeadTrainer,
    first_image_probabilities,
    head_probabilities,
    train_heads,
)
from napari_localdisc.core.segmenter.one_sided_edges import remove_one_sided_edges
from napari_localdisc.core.segmenter.pixel_features import PixelSet, pixel_set
from napari_localdisc.core.segmenter.random_walker import refine_borders
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
        Stages ``embed``, ``search``, ``denoise``, ``trace``, ``guide`` and ``refine``; now and then
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
        self.resolution = WorkingResolution.of(prior, encoder.card, config.size)
        self.references = self.resolution.references(prior).to(device)
        self.prior_match = PriorMatch(self.references, self.resolution)
        self.stages: list[StageReport] = []
        self.warnings: list[str] = []

    def run(self) -> Run[Guidance]:
        network = channels_last(self.encoder.network.to(self.device))
        network.eval()
        yield from first_look(
            self.images, self.encoder, self.prior_match, self.config.seed, self.device
        )
        pixels = yield from pixel_set(self.images, self.encoder, self.resolution.size, self.device)
        height, width = self.images[0].shape[:2]
        self.previewer = Previewer((height, width), pixels.fields[0], self.prior_match)
        self.initial_labels = InitialLabels(
            pixels, self.references, self.resolution, self.config, self.previewer
        )
        evidence = yield from self.initial_labels.evidence()
        start = self._stage_result("start", class_probabilities(evidence, pixels.fields), pixels)
        yield self._preview(start)
        labels = yield from self.initial_labels.labels(evidence)
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

    def _heads(self, pixels: PixelSet, labels: Tensor) -> Run[tuple[Head, StageResult]]:
        compact = not self.resolution.curvilinear
        settings = HeadSettings(
            crop=pixels.size if compact else min(_CROP, pixels.size),
            batch=2 if compact else 6,
            curvilinear=not compact,
            kl=self.config.kl,
            region=self.config.region,
            critic_side=_CRITIC_SIDE if compact else 0,
        )
        # Of curvilinear targets the network that saw pasted shapes is better than any head.
        count = self.config.heads if compact else 1
        trainers = [
            HeadTrainer(pixels, labels, self.references, settings, self.config.seed + number)
            for number in range(count)
        ]
        training = train_heads(trainers, self.config.head_steps)
        yield from self.previewer.during(
            training, partial(first_image_probabilities, trainers[0].head, pixels)
        )
        results = [
            self._stage_result(
                f"head {number + 1}", head_probabilities(trainer.head, pixels), pixels
            )
            for number, trainer in enumerate(trainers)
        ]
        self.warnings += disagreement_warnings([result.labels for result in results])
        best = min(range(len(results)), key=lambda index: results[index].kl)
        return trainers[best].head, results[best]

    def _sharpen(
        self, labels: Tensor, current: StageResult, start: StageResult, number: int
    ) -> Tensor:
        """Labels for refinement: what is undecided still is decided by a better classifier."""
        if not self.resolution.curvilinear:
            return complete_labels(current, labels, start)
        # Heads see no shapes, and say less of curvilinear targets than what was restored.
        return (
            self_training_labels(labels, current.probabilities, current.thresholds)
            if number
            else labels
        )

    def _refined(
        self, pixels: PixelSet, labels: Tensor, current: StageResult, number: int
    ) -> Run[tuple[SegmentationNet, StageResult] | None]:
        """Refine, if that follows the prior as well as what there is."""
        refined = yield from self._refine(pixels, labels, number)
        return refined if refined[1].kl <= _AS_WELL * current.kl else None

    def _refine(
        self, pixels: PixelSet, labels: Tensor, number: int
    ) -> Run[tuple[SegmentationNet, StageResult]]:
        torch.manual_seed(self.config.seed + number)
        network = SegmentationNet.after(self.encoder.network, len(self.prior.targets))
        compact = not self.resolution.curvilinear
        crop = pixels.size if compact else min(_CROP, pixels.size)
        batch = 4 if compact else 6
        self_trainer = SelfTrainer(
            network, pixels, crop, batch, not compact, self.config.seed + number
        )
        yield from self._fit(self_trainer, pixels, labels)
        return network, self._stage_result(
            f"refine {number + 1}", self_trainer.probabilities(), pixels
        )

    def _fit(self, self_trainer: SelfTrainer, pixels: PixelSet, labels: Tensor) -> Run[None]:
        """Train the network; for curvilinear targets with copy-paste, then on revised labels."""
        copy_pastes = [
            CopyPaste(pixels, self.references[:, target], labels, target + 1)
            for target in self.resolution.curvilinear
            if (labels == target + 1).any()
        ]
        steps = self.config.refine_steps
        yield from self.previewer.during(
            self_trainer.fit(labels, steps, copy_pastes), self_trainer.first_image_probabilities
        )
        if copy_pastes:
            probabilities = self_trainer.probabilities() * pixels.fields[:, None]
            revised = self_training_labels(
                labels, probabilities, self.prior_match.thresholds(probabilities, pixels.fields)
            )
            yield from self.previewer.during(
                self_trainer.fit(revised, steps, copy_pastes),
                self_trainer.first_image_probabilities,
            )

    def _traced(self, pixels: PixelSet, current: StageResult) -> Run[StageResult | None]:
        """Move borders to edges, where all targets are compact and that shows about as well."""
        if self.resolution.curvilinear:
            return None
        edges = yield from refine_borders(current.labels, self.resolution.shape_statistics, pixels)
        if edges is None:
            return None
        return self._noted(current.with_labels(edges, pixels.fields, self.prior_match), pixels)

    def _stage_result(self, stage: str, probabilities: Tensor, pixels: PixelSet) -> StageResult:
        found = self.prior_match.thresholds(probabilities * pixels.fields[:, None], pixels.fields)
        plain = remove_one_sided_edges(
            probabilities, pixels.whole, pixels.fields, found, self.resolution.shape_statistics
        )
        return self._noted(
            StageResult.from_probabilities(stage, plain, pixels.fields, self.prior_match), pixels
        )

    def _noted(self, result: StageResult, pixels: PixelSet) -> StageResult:
        area = result.area(pixels.fields)
        self.stages.append(StageReport(result.stage, result.kl, area))
        return result

    def _preview(self, current: StageResult) -> Progress:
        message = f"{current.stage}: KL {show_kl(current.kl)}"
        return self.previewer.preview(message, current.labels[0], {"kl": current.kl})

    def _finish(
        self,
        pixels: PixelSet,
        head: Head,
        refined: SegmentationNet | None,
        current: StageResult,
        on_edges: bool,
    ) -> Guidance:
        self.warnings += result_warnings(current, self.prior_match)
        self.warnings += size_warnings(current.labels, self.prior_match, self.prior.targets)
        card = SegmenterCard(
            encoder=self.encoder.card,
            targets=self.prior.targets,
            size=self.resolution.size,
            thresholds=current.thresholds,
            rules=self.resolution.shape_statistics,
            refined=refined is not None,
            traced=on_edges,
            recipe=self._recipe(current),
        )
        segmenter = Segmenter(card, self.encoder, head, pixels.whitening, refined)
        return Guidance(
            segmenter.on_device(self.device), current.kl, tuple(self.stages), tuple(self.warnings)
        )

    def _recipe(self, current: StageResult) -> dict[str, object]:
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
