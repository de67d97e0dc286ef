"""Prior-guided clustering: from unlabelled images and a prior to a segmenter.

Expectation-maximisation with soft steps: the posterior of poses, template matching or mask
denoising gives posterior labels (E-step), a network that begins at the encoder learns them (M-step,
self-training), and borders of compact targets move to edges of the images. The masks of every stage
are compared with the prior by the same label-free shape KL.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.encoder.initial_weights import initial_weights
from napari_localdisc.core.encoder.network import channels_last
from napari_localdisc.core.encoder.segmentation_net import SegmentationNet
from napari_localdisc.core.guidance.choose.prior_match import PriorMatch
from napari_localdisc.core.guidance.choose.stage_result import (
    StageResult,
    border_warnings,
    result_warnings,
    size_warnings,
)
from napari_localdisc.core.guidance.config import Guidance, GuideConfig, StageReport, show_kl
from napari_localdisc.core.guidance.expect.posterior import class_probabilities
from napari_localdisc.core.guidance.initial_labels import InitialLabels
from napari_localdisc.core.guidance.learn.copy_paste import CopyPaste
from napari_localdisc.core.guidance.learn.self_training import SelfTrainer
from napari_localdisc.core.guidance.learn.self_training_labels import (
    class_frequencies,
    self_training_labels,
)
from napari_localdisc.core.guidance.preview import Previewer
from napari_localdisc.core.guidance.start.first_look import first_look
from napari_localdisc.core.guidance.start.placement import Placement, Starting
from napari_localdisc.core.guidance.working_resolution import WorkingResolution
from napari_localdisc.core.imaging.window import WHOLE, Window
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.core.segmenter.border_contrast import label_contrast
from napari_localdisc.core.segmenter.card import SegmenterCard
from napari_localdisc.core.segmenter.one_sided_edges import remove_one_sided_edges
from napari_localdisc.core.segmenter.pixel_features import PixelSet, pixel_set
from napari_localdisc.core.segmenter.random_walker import refine_borders
from napari_localdisc.core.segmenter.segmenter import Segmenter

__all__ = ["Guidance", "GuideConfig", "StageReport", "guide"]

_CROP = 128
"""Side in pixels of the crops that curvilinear targets are learned on."""


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
        Stages ``embed``, ``align``, ``search``, ``denoise``, ``trace`` and ``refine``;
        now and then ``preview``, whose payload is the mask so far of the first image (labels of
        uint8, at its size).

    Raises
    ------
    LocaldiscError
        If there is no image, or one is not an image.
    """
    config, device = config or GuideConfig(), device or torch.device("cpu")
    if len(images) == 0:
        raise LocaldiscError("guidance needs at least one image, got none; give image files.")
    chosen = [images[index] for index in config.draw(len(images))]
    channels_last(encoder.network.to(device)).eval()
    placement = Placement.of(prior, config.place, device)
    window = WHOLE if placement is None else placement.window
    framed = prior.within(window)
    placed = placement is not None
    resolution = WorkingResolution.of(framed, encoder.card, config.size, placed=placed)
    prior_match = PriorMatch(resolution.references(framed).to(device), resolution)
    starting = None
    if placement is None:
        yield from first_look(chosen, encoder, prior_match, config.seed, device)
    else:
        starting = yield from placement.find(chosen, encoder, device, aligned=config.align)
    pixels = yield from pixel_set(chosen, encoder, resolution.size, device, window)
    height, width = chosen[0].shape[:2]
    previewer = Previewer((height, width), pixels.fields[0], prior_match, window)
    guiding = _Guide(framed, encoder, config, prior_match, pixels, previewer, window, starting)
    return (yield from guiding.run())


@dataclass(frozen=True)
class _Fitted:
    """A trained network, and what it finds."""

    network: SegmentationNet
    result: StageResult
    borders_on_edges: bool = False


class _Guide:
    """The stages of one guidance, with their reports and warnings so far."""

    def __init__(
        self,
        prior: Prior,
        encoder: Encoder,
        config: GuideConfig,
        prior_match: PriorMatch,
        pixels: PixelSet,
        previewer: Previewer,
        window: Window,
        starting: Starting | None,
    ) -> None:
        self.prior, self.encoder, self.config = prior, encoder, config
        self.window, self.starting = window, starting
        self.prior_match, self.resolution = prior_match, prior_match.resolution
        self.pixels, self.previewer = pixels, previewer
        self.compact = not self.resolution.curvilinear
        self.stages: list[StageReport] = []
        self.warnings: list[str] = []

    def run(self) -> Run[Guidance]:
        """Run the stages one after the other."""
        initial = InitialLabels(
            self.pixels, self.prior_match, self.config, self.previewer, self.starting
        )
        evidence = yield from initial.evidence()
        start = self._stage_result(
            "start", class_probabilities(evidence.targets, self.pixels.fields)
        )
        if self.starting is not None:
            self.warnings += self.starting.disagreement(start.labels)
        if self.compact and start.labels.any():
            found = torch.from_numpy(start.labels).to(self.pixels.fields.device)
            contrast = label_contrast(found, len(self.prior.targets), self.pixels)
            self.warnings += border_warnings(contrast)
        yield self._preview(start)
        labels = yield from initial.labels(evidence)
        fitted = yield from self._self_training(labels)
        yield self._preview(fitted.result)
        fitted = yield from self._refine_borders(fitted)
        return self._guidance(fitted)

    @property
    def _crop(self) -> int:
        return self.pixels.size if self.compact else min(_CROP, self.pixels.size)

    def _self_training(self, labels: Tensor) -> Run[_Fitted]:
        """Train a network, begun at the encoder, on labels (n, S, S) of int8 (M-step)."""
        seed = self.config.seed
        with initial_weights(seed):
            network = SegmentationNet.after(self.encoder.network, len(self.prior.targets))
        network.initialise_bias(class_frequencies(labels, 1 + len(self.prior.targets)))
        batch = 4 if self.compact else 6
        trainer = SelfTrainer(network, self.pixels, self._crop, batch, not self.compact, seed)
        copy_pastes = self._copy_pastes(labels)
        yield from self._fit(trainer, labels, copy_pastes)
        if copy_pastes:
            yield from self._fit(trainer, self._revised(labels, trainer), copy_pastes)
        return _Fitted(network, self._stage_result("refine", trainer.probabilities()))

    def _fit(
        self, trainer: SelfTrainer, labels: Tensor, copy_pastes: Sequence[CopyPaste]
    ) -> Run[None]:
        training = trainer.fit(labels, self.config.refine_steps, copy_pastes)
        yield from self.previewer.during(training, trainer.first_image_probabilities)

    def _copy_pastes(self, labels: Tensor) -> list[CopyPaste]:
        """Copy-paste augmentation for each curvilinear target that occurs in the labels."""
        references = self.prior_match.references
        return [
            CopyPaste(self.pixels, references[:, target], labels, target + 1)
            for target in self.resolution.curvilinear
            if (labels == target + 1).any()
        ]

    def _revised(self, labels: Tensor, trainer: SelfTrainer) -> Tensor:
        fields = self.pixels.fields
        probabilities = trainer.probabilities() * fields[:, None]
        thresholds = self.prior_match.thresholds(probabilities, fields)
        return self_training_labels(labels, probabilities, thresholds)

    def _refine_borders(self, fitted: _Fitted) -> Run[_Fitted]:
        """Move borders to edges by the random walker, if all targets are compact and it shows."""
        if len(self.resolution.compact) < len(self.prior.targets):
            return fitted
        result, statistics = fitted.result, self.resolution.shape_statistics
        labels = yield from refine_borders(result.labels, statistics, self.pixels)
        if labels is None:
            return fitted
        moved = self._report(result.with_labels(labels, self.pixels.fields, self.prior_match))
        yield self._preview(moved)
        return replace(fitted, result=moved, borders_on_edges=True)

    def _stage_result(self, stage: str, probabilities: Tensor) -> StageResult:
        """Masks of class probabilities (n, K + 1, S, S), without one-sided edges."""
        fields, statistics = self.pixels.fields, self.resolution.shape_statistics
        thresholds = self.prior_match.thresholds(probabilities * fields[:, None], fields)
        cleared = remove_one_sided_edges(
            probabilities, self.pixels.whole, fields, thresholds, statistics
        )
        return self._report(
            StageResult.from_probabilities(stage, cleared, fields, self.prior_match)
        )

    def _report(self, result: StageResult) -> StageResult:
        area = result.area(self.pixels.fields)
        self.stages.append(StageReport(result.stage, result.kl, area))
        return result

    def _preview(self, result: StageResult) -> Progress:
        message = f"{result.stage}: KL {show_kl(result.kl)}"
        return self.previewer.preview(message, result.labels[0], {"kl": result.kl})

    def _guidance(self, fitted: _Fitted) -> Guidance:
        result = fitted.result
        self.warnings += result_warnings(result, self.prior_match)
        self.warnings += size_warnings(result.labels, self.prior_match, self.prior.targets)
        card = SegmenterCard(
            encoder=self.encoder.card,
            targets=self.prior.targets,
            size=self.resolution.size,
            window=self.window,
            thresholds=result.thresholds,
            rules=self.resolution.shape_statistics,
            traced=fitted.borders_on_edges,
            recipe=self._recipe(result),
        )
        segmenter = Segmenter(card, fitted.network).on_device(self.pixels.fields.device)
        return Guidance(segmenter, result.kl, tuple(self.stages), tuple(self.warnings))

    def _recipe(self, result: StageResult) -> dict[str, object]:
        return {
            "prior": self.prior.name,
            "references": len(self.prior),
            "images": len(self.pixels),
            **self.encoder.card.identity,
            "device": self.pixels.fields.device.type,
            "kept": result.stage,
            "kl": round(result.kl, 4),
            "warnings": list(self.warnings),
            "guidance": self.config.model_dump(),
        }
