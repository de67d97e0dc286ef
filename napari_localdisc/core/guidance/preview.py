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
from napari_localdisc.core.segmenter.postprocessing import labels_from_canvas, postprocess

T = TypeVar("T")

_REST = 2.0
"""Seconds between previews at least."""
_COST = 0.05
"""Most of the time that previews may take."""


class Previewer:
    """Turns what a stage believes of the first image into previews, now and then.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the first image.
    field : Tensor of bool, shape (S, S)
        Its field of view.
    prior_match : PriorMatch
        Says how large curvilinear targets are.
    """

    def __init__(self, shape: tuple[int, int], field: Tensor, prior_match: PriorMatch) -> None:
        self._canvas, self._field, self._prior_match = (
            Canvas(shape, prior_match.resolution.size),
            field[None],
            prior_match,
        )
        self._next = 0.0

    def during(self, run: Run[T], look: Callable[[], Tensor | None]) -> Run[T]:
        """Drive a run; after some of its events comes a preview.

        Parameters
        ----------
        run : generator of Progress
        look : callable
            What is believed at that moment: probabilities in [0, 1] of the K targets, of shape
            (K, s, s) at any s, or None. It must leave the run as it is.

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
                if began >= self._next and (believed := look()) is not None:
                    labels = self.labels(believed)
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
        """Show labels (S, S) at the first image's size."""
        lifted = labels_from_canvas(
            labels, self._canvas, len(self._prior_match.resolution.shape_statistics)
        )
        return Progress("preview", 1, 1, message, values or {}, lifted)

    @torch.inference_mode()
    def labels(self, believed: Tensor) -> npt.NDArray[np.uint8]:
        """Decide what is believed (K, s, s) of the first image: labels (S, S)."""
        side = self._prior_match.resolution.size
        probabilities = F.interpolate(believed[None].float(), size=(side, side), mode="bilinear")
        probabilities = probabilities * self._field
        rest = (1 - probabilities.sum(dim=1, keepdim=True)).clamp_min(0)
        every = torch.cat([rest, probabilities], dim=1)
        thresholds = self._prior_match.thresholds(every, self._field)
        return postprocess(
            every.cpu().numpy()[0], thresholds, self._prior_match.resolution.shape_statistics
        )
