"""Segmenters: encoder, guided head and preprocessing, ready for new images."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from napari_localdisc.core.cleanup import ShapeRules
from napari_localdisc.core.encoder import Encoder, EncoderCard
from napari_localdisc.core.features import describe
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
    targets: tuple[str, ...] = Field(min_length=1, max_length=255)
    size: int = Field(ge=32, le=4096, multiple_of=8)
    thresholds: tuple[float, ...]
    rules: tuple[ShapeRules, ...]
    refined: bool
    recipe: dict[str, Any] = Field(default_factory=dict)


@dataclass(frozen=True)
class Segmentation:
    """One segmented image.

    Attributes
    ----------
    labels : ndarray of uint8, shape (H, W)
        0 background, 1..K targets.
    confidence : ndarray of float32, shape (H, W)
        Probability of the label that a pixel was given, in [0, 1].
    score : float
        Expected Dice of the mask under the probabilities, in [0, 1]; 0 where nothing was found.
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
        return tuple(self.recipe.get("warnings", ()))

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
        """Segment one image.

        Parameters
        ----------
        image : ndarray, shape (H, W) or (H, W, C)
            Of any size.
        device : torch.device, optional
            Where to compute; where the segmenter is if not given.

        Raises
        ------
        LocaldiscError
            If the array is not an image.
        """
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

    @torch.inference_mode()
    def _shares(self, image: npt.NDArray[np.generic]) -> tuple[Tensor, Tensor]:
        features, inputs, inside = describe(image, self.encoder, self.card.size, self._device)
        if self.refined is not None:
            return self.refined(inputs).softmax(dim=1), inside
        white = torch.einsum("ndhw,de->nehw", features, self.whitening)
        return self.head(white).softmax(dim=1), inside

    def _labels(self, shares: Tensor) -> npt.NDArray[np.uint8]:
        return decide(shares.cpu().numpy()[0], self.card.thresholds, self.card.rules)


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
