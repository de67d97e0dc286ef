"""The first image's mask while guidance is under way."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.guidance.choose.prior_match import PriorMatch
from napari_localdisc.core.imaging.canvas import Canvas
from napari_localdisc.core.imaging.window import WHOLE, Window
from napari_localdisc.core.segmenter.postprocessing import labels_from_canvas, postprocess

T = TypeVar("T")

_REST = 2.0
"""Seconds between previews at least."""
_COST = 0.05
"""Most of the time that previews may take."""


class Previewer:
    """Makes previews of the first image from the probabilities of a stage, now and then.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the first image.
    field : Tensor of bool, shape (S, S)
        Its field of view.
    prior_match : PriorMatch
        Sets the thresholds of curvilinear targets.
    window : Window
        The part of the canvas that is seen.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        field: Tensor,
        prior_match: PriorMatch,
        window: Window = WHOLE,
    ) -> None:
        self._canvas, self._field, self._prior_match = (
            Canvas(shape, prior_match.resolution.size, window),
            field[None],
            prior_match,
        )
        self._next = 0.0

    def during(self, run: Run[T], probabilities: Callable[[], Tensor | None]) -> Run[T]:
        """Drive a run and add a preview after some of its events.

        Parameters
        ----------
        run : generator of Progress
        probabilities : callable
            Returns those of the K targets at that moment, in [0, 1], of shape (K, s, s) at any s,
            or None. It must leave the run as it is.

        Yields
        ------
        Progress
            The run's own, and ``preview`` with labels of uint8, shape (H, W), as payload.
        """
        try:
            while True:
                event = next(run)
                yield event
                began = time.monotonic()
                if began >= self._next and (current := probabilities()) is not None:
                    labels = self.labels(current)
                    if labels.any():  # a network at its beginning finds nothing
                        yield self.preview(event.message or event.stage, labels)
                    now = time.monotonic()
                    self._next = now + max(_REST, (now - began) / _COST)
        except StopIteration as stop:
            result: T = stop.value
            return result
        finally:
            run.close()

    def preview(
        self, message: str, labels: npt.NDArray[np.uint8], values: dict[str, float] | None = None
    ) -> Progress:
        """Preview labels (S, S) at the first image's size."""
        lifted = labels_from_canvas(
            labels, self._canvas, len(self._prior_match.resolution.shape_statistics)
        )
        return Progress("preview", 1, 1, message, values or {}, lifted)

    @torch.inference_mode()
    def labels(self, probabilities: Tensor) -> npt.NDArray[np.uint8]:
        """Postprocess probabilities (K, s, s) on the first image: labels (S, S)."""
        side = self._prior_match.resolution.size
        targets = F.interpolate(probabilities[None].float(), size=(side, side), mode="bilinear")
        targets = targets * self._field
        background = (1 - targets.sum(dim=1, keepdim=True)).clamp_min(0)
        every = torch.cat([background, targets], dim=1)
        thresholds = self._prior_match.thresholds(every, self._field)
        return postprocess(
            every.cpu().numpy()[0], thresholds, self._prior_match.resolution.shape_statistics
        )
