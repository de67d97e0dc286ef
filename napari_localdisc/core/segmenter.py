"""Segmenters: encoder, guided head and preprocessing, ready for new images."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor

from napari_localdisc.core.card_fields import Share, Text
from napari_localdisc.core.cleanup import ShapeRules
from napari_localdisc.core.encoder import Encoder, EncoderCard
from napari_localdisc.core.errors import LocaldiscError, printable
from napari_localdisc.core.features import features_of, prepare
from napari_localdisc.core.framing import Frame
from napari_localdisc.core.heads import Head
from napari_localdisc.core.segmentation_net import SegmentationNet

CPU = torch.device("cpu")


class SegmenterCard(BaseModel):
    """What a segmenter is and how it was made.

    Attributes
    ----------
    targets : tuple of str
        Names of the K targets; label k in a mask is ``targets[k - 1]``.
    size : int
        Side of the canvas that images are laid on.
    thresholds : tuple of float
        Probability from which a pixel belongs to a target.
    rules : tuple of ShapeRules
        Shape facts of the prior, used to tidy masks.
    refined : bool
        Whether a refined network decides instead of the head.
    recipe : dict
        Settings of the guidance, enough to repeat it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: EncoderCard
    targets: tuple[Text, ...] = Field(min_length=1, max_length=255)
    size: int = Field(ge=32, le=4096, multiple_of=8)
    thresholds: tuple[Share, ...]
    rules: tuple[ShapeRules, ...]
    refined: bool
    recipe: dict[str, Any] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if not len(self.targets) == len(self.thresholds) == len(self.rules):
            raise ValueError("targets, thresholds and rules differ in number")
        if self.size % self.encoder.stride or self.size < 2 * self.encoder.stride:
            raise ValueError(f"a canvas of {self.size} is nothing for a stride of this encoder")
        return self


@dataclass(frozen=True)
class Segmentation:
    """One segmented image.

    Attributes
    ----------
    labels : ndarray of uint8, shape (H, W), or (N, H, W) of a stack
        0 background, 1..K targets.
    confidence : ndarray of float32, of the same shape
        Probability of the label that a pixel was given, in [0, 1].
    score : float
        Expected Dice of the mask under the probabilities, in [0, 1]; 0 where nothing was found. Of
        a stack the mean over its planes, weighted by what was found in them.
    """

    labels: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.float32]
    score: float


@dataclass
class Segmenter:
    """A guided head on its encoder, with or without a refined network."""

    card: SegmenterCard
    encoder: Encoder
    head: Head
    whitening: Tensor
    refined: SegmentationNet | None = None
    _device: torch.device = field(default=CPU, repr=False)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets."""
        return self.card.targets

    @property
    def recipe(self) -> dict[str, Any]:
        """How it was made."""
        return self.card.recipe

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its guidance warned of."""
        told = self.recipe.get("warnings", ())
        lines = told if isinstance(told, list | tuple) else ()
        return tuple(printable(line) for line in lines if isinstance(line, str))

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return self._device

    def to(self, device: torch.device) -> Segmenter:
        """Move all weights to a device."""
        if device != self._device:
            self.encoder.network.to(device)
            self.head.to(device)
            self.whitening = self.whitening.to(device)
            if self.refined is not None:
                self.refined.to(device)
            self._device = device
        return self

    def settle(self, device: torch.device) -> Segmenter:
        """Note that all weights are on a device already."""
        self._device = device
        return self

    def segment(
        self, image: npt.NDArray[np.generic], device: torch.device | None = None
    ) -> Segmentation:
        """Segment one image, or a stack plane by plane.

        Parameters
        ----------
        image : ndarray, shape (H, W), (H, W, C), or (N, H, W, C) for a stack
            Of any size.
        device : torch.device, optional
            Where to compute; where the segmenter is if not given.

        Raises
        ------
        LocaldiscError
            If the array is not an image.
        """
        if image.ndim == 4:
            return self._segment_planes(image, device)
        self.to(device or self._device)
        shares, inside = self._shares(image)
        place = Frame((image.shape[0], image.shape[1]), self.card.size)
        labels = self._labels(shares * inside)
        lifted = place.lift(shares).cpu().numpy()[0]
        shown = lift_labels(labels, place, len(self.targets))
        confidence = np.where(
            shown > 0, np.take_along_axis(lifted, shown[None].astype(int), 0)[0], lifted[0]
        )
        score = expected_dice(1 - lifted[0], shown > 0)
        return Segmentation(shown, confidence.astype(np.float32), score)

    def _segment_planes(
        self, planes: npt.NDArray[np.generic], device: torch.device | None
    ) -> Segmentation:
        """Segment a stack (N, H, W, C); planes that show nothing hold nothing."""
        if planes.shape[-1] not in (1, 3):
            raise LocaldiscError(
                f"stack has shape {planes.shape}; expected (planes, height, width, 1 or 3): give"
                " grey or RGB planes."
            )
        found = Segmentation(
            np.zeros(planes.shape[:3], np.uint8), np.ones(planes.shape[:3], np.float32), 0.0
        )
        score, area = 0.0, 0
        for index, plane in enumerate(planes):
            if not _shows_something(plane):
                continue
            one = self.segment(plane, device)
            found.labels[index], found.confidence[index] = one.labels, one.confidence
            own = int((one.labels > 0).sum())
            score, area = score + one.score * own, area + own
        return replace(found, score=score / area if area else 0.0)

    @torch.inference_mode()
    def _shares(self, image: npt.NDArray[np.generic]) -> tuple[Tensor, Tensor]:
        inputs, inside = prepare(
            [image], self.encoder.card.preprocessing, self.card.size, self._device
        )
        if self.refined is not None:
            return self.refined(inputs).softmax(dim=1), inside
        features = features_of(inputs, inside, self.encoder)
        white = torch.einsum("ndhw,de->nehw", features, self.whitening)
        return self.head(white).softmax(dim=1), inside

    def _labels(self, shares: Tensor) -> npt.NDArray[np.uint8]:
        return decide(shares.cpu().numpy()[0], self.card.thresholds, self.card.rules)


def _shows_something(plane: npt.NDArray[np.generic]) -> bool:
    """Whether a plane (H, W, C) has finite pixels, and not all the same."""
    finite = plane[np.isfinite(plane)]
    return bool(finite.size) and bool((finite != finite[0]).any())


def decide(
    shares: npt.NDArray[np.floating[Any]],
    thresholds: tuple[float, ...],
    rules: tuple[ShapeRules, ...],
) -> npt.NDArray[np.uint8]:
    """Turn probabilities into tidy labels.

    Parameters
    ----------
    shares : ndarray, shape (K + 1, S, S)
        Class probabilities, 0 the background; all zero outside the field of view.
    thresholds : tuple of float
        Per target.
    rules : tuple of ShapeRules
        Per target.

    Returns
    -------
    ndarray of uint8, shape (S, S)
    """
    ratios = shares[1:] / np.asarray(thresholds)[:, None, None]
    winner = ratios.argmax(axis=0)
    labels = np.zeros(shares.shape[1:], dtype=np.uint8)
    for target, rule in enumerate(rules):
        mask = rule.tidy((winner == target) & (ratios[target] > 1))
        labels[mask] = target + 1
    return labels


def lift_labels(labels: npt.NDArray[np.uint8], place: Frame, targets: int) -> npt.NDArray[np.uint8]:
    """Bring labels (S, S) from the canvas back to the image's size (H, W)."""
    planes = [torch.from_numpy((labels == k + 1).astype(np.float32)) for k in range(targets)]
    lifted = place.lift(torch.stack(planes)[None]).numpy()[0]
    shown = lifted.argmax(axis=0) + 1
    return np.where(lifted.max(axis=0) >= 0.5, shown, 0).astype(np.uint8)


def expected_dice(likely: npt.NDArray[np.floating[Any]], found: npt.NDArray[np.bool_]) -> float:
    """Dice that a mask can be expected to have.

    Parameters
    ----------
    likely : ndarray, shape (H, W)
        Probability of being foreground.
    found : ndarray of bool, shape (H, W)

    Returns
    -------
    float
        In [0, 1]; 0 where nothing was found.
    """
    if not found.any():
        return 0.0
    return float(2 * likely[found].sum() / (likely.sum() + found.sum()))
