"""Segmenters: a guided network and its preprocessing, ready for new images."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_localdisc.base.devices import best_at_once
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.imaging.canvas import Canvas
from napari_localdisc.core.segmenter.card import SegmenterCard
from napari_localdisc.core.segmenter.one_sided_edges import remove_one_sided_edges
from napari_localdisc.core.segmenter.pixel_features import prepare
from napari_localdisc.core.segmenter.postprocessing import (
    expected_dice,
    postprocess,
    postprocess_at_full_size,
)
from napari_localdisc.core.segmenter.random_walker import random_walker_borders
from napari_localdisc.core.segmenter.segmentation import Pixels, Segmentation, segment_planes

CPU = torch.device("cpu")


@dataclass
class Segmenter:
    """A network that guidance trained, and what masks are made by.

    Attributes
    ----------
    card : SegmenterCard
    network : Module
        Maps preprocessed inputs (n, C, S, S) to the logits of the classes (n, K + 1, S, S).
    """

    card: SegmenterCard
    network: nn.Module
    _device: torch.device = field(default=CPU, repr=False)
    _batch: int = field(default=sys.maxsize, repr=False)  # images that found memory together

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets."""
        return self.card.targets

    @property
    def recipe(self) -> dict[str, Any]:
        """Recipe of the guidance that it was fitted by."""
        return self.card.recipe

    @property
    def warnings(self) -> tuple[str, ...]:
        """What its guidance warned of."""
        return self.card.warnings

    @property
    def device(self) -> torch.device:
        """Device of its weights."""
        return self._device

    def to(self, device: torch.device) -> Segmenter:
        """Move all weights to a device."""
        if device != self._device:
            self.network.to(device)
            self._device = device
        return self

    def on_device(self, device: torch.device) -> Segmenter:
        """Record that all weights are on a device already."""
        self._device = device
        return self

    def segment(
        self,
        image: Pixels,
        device: torch.device | None = None,
        at_once: int | None = None,
        keep_probabilities: bool = True,
    ) -> Segmentation:
        """Segment one image, or a stack plane by plane.

        Parameters
        ----------
        image : ndarray, shape (H, W), (H, W, C), or (N, H, W, C) for a stack
            Of any size.
        device : torch.device, optional
            Where to compute; where the segmenter is if not given.
        at_once : int, optional
            Planes of a stack that go through the network together; what suits the device if not
            given.
        keep_probabilities : bool
            Keep what `Segmentation.probabilities` is computed from: 4 bytes a class and pixel of
            the canvas, of a stack for every plane.

        Raises
        ------
        LocaldiscError
            If the array is not an image.
        """
        if image.ndim == 4:
            together = partial(
                self.segment_together, device=device, keep_probabilities=keep_probabilities
            )
            at_once = at_once or best_at_once(device or self._device)
            return segment_planes(image, together, at_once, self.targets, keep_probabilities)
        return self.segment_together([image], device, keep_probabilities)[0]

    def segment_together(
        self,
        images: Sequence[Pixels],
        device: torch.device | None = None,
        keep_probabilities: bool = False,
    ) -> list[Segmentation]:
        """Segment images in one batch.

        Each result is what it would be alone, to rounding. Short of memory, batches get smaller.

        Parameters
        ----------
        images : sequence of ndarray, shape (H, W) or (H, W, C)
            Each of its own size.
        device : torch.device, optional
        keep_probabilities : bool
            See `segment`.

        Raises
        ------
        LocaldiscError
            If one of the arrays is not an image, or there is no memory for a single one.
        """
        self.to(device or self._device)
        found: list[Segmentation] = []
        while len(found) < len(images):
            some = images[len(found) : len(found) + self._batch]
            try:
                planes = self._probabilities(some)
            except torch.OutOfMemoryError as error:
                self._shrink_batch(len(some), error)
            else:
                found += [
                    self._found(image.shape[:2], keep_probabilities, *own)
                    for image, *own in zip(some, *planes, strict=True)
                ]
        return found

    def _shrink_batch(self, tried: int, error: torch.OutOfMemoryError) -> None:
        """Halve the batch from now on."""
        if tried == 1:
            raise LocaldiscError(
                f"{self._device} has no memory left for a canvas of {self.card.size} pixels; close"
                " what else uses it, or compute on another device."
            ) from error
        self._batch = tried // 2
        if self._device.type == "cuda":
            torch.cuda.empty_cache()

    @torch.inference_mode()
    def _probabilities(self, images: Sequence[Pixels]) -> tuple[Tensor, Tensor, Tensor]:
        """Class probabilities (N, K + 1, S, S), fields (N, 1, S, S), channels (N, C, S, S)."""
        inputs, fields = prepare(
            images,
            self.card.encoder.preprocessing,
            self.card.size,
            self._device,
            self.card.window,
        )
        normalised = inputs[:, : self.card.encoder.preprocessing.normalised]
        return self.network(inputs).softmax(dim=1), fields, normalised

    def _found(
        self,
        shape: tuple[int, ...],
        keep_probabilities: bool,
        probabilities: Tensor,
        field: Tensor,
        normalised: Tensor,
    ) -> Segmentation:
        """Bring probabilities (K + 1, S, S) to an image's size, and postprocess them."""
        thresholds, shape_statistics = self.card.thresholds, self.card.rules
        whole = self.card.encoder.preprocessing.whole(normalised[None])
        (probabilities,) = remove_one_sided_edges(
            probabilities[None], whole, field > 0, thresholds, shape_statistics
        )
        labels = postprocess((probabilities * field).cpu().numpy(), thresholds, shape_statistics)
        if self.card.traced:
            labels = random_walker_borders(labels, normalised, field[0] > 0, shape_statistics)
        canvas = Canvas((shape[0], shape[1]), self.card.window.canvas_side(self.card.size))
        left, right, above, below = self.card.window.padding(self.card.size)
        labels = np.pad(labels, ((above, below), (left, right)))
        probabilities = _pad_with_background(probabilities, (left, right, above, below))
        field = F.pad(field, (left, right, above, below))
        at_size = canvas.from_canvas(probabilities[None])
        shown = postprocess_at_full_size(labels, at_size, canvas, thresholds, shape_statistics)
        lifted = at_size.cpu().numpy()[0]
        confidence = lifted[0].astype(np.float32)
        for label, plane in enumerate(lifted[1:], start=1):  # not by index: that takes 8 bytes each
            np.copyto(confidence, plane, where=shown == label)
        in_view = canvas.from_canvas((1 - probabilities[None, :1]) * field[None])
        score = expected_dice(in_view[0, 0].cpu().numpy(), shown > 0)
        kept = (probabilities.float().cpu().numpy(),) if keep_probabilities else ()
        return Segmentation(shown, confidence, score, self.targets, kept)


def _pad_with_background(probabilities: Tensor, padding: tuple[int, int, int, int]) -> Tensor:
    """Class probabilities (K + 1, C, C) of a canvas from those of a window (K + 1, S, S)."""
    background = F.pad(probabilities[:1], padding, value=1.0)
    return torch.cat([background, F.pad(probabilities[1:], padding)])
