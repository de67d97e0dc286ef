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
from napari_localdisc.core.guidance.choose.prior_match import Judge
from napari_localdisc.core.imaging.canvas import Frame
from napari_localdisc.core.segmenter.postprocessing import decide, lift_labels

T = TypeVar("T")

_REST = 2.0
"""Seconds between previews at least."""
_COST = 0.05
"""Most of the time that previews may take."""


class LiveView:
    """Turns what a stage believes of the first image into previews, now and then.

    Parameters
    ----------
    shape : tuple of int
        Height and width of the first image.
    field : Tensor of bool, shape (S, S)
        Its field of view.
    judge : Judge
        Says how large slender targets are.
    """

    def __init__(self, shape: tuple[int, int], field: Tensor, judge: Judge) -> None:
        self._place, self._field, self._judge = Frame(shape, judge.plan.size), field[None], judge
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
        lifted = lift_labels(labels, self._place, len(self._judge.plan.rules))
        return Progress("preview", 1, 1, message, values or {}, lifted)

    @torch.inference_mode()
    def labels(self, believed: Tensor) -> npt.NDArray[np.uint8]:
        """Decide what is believed (K, s, s) of the first image: labels (S, S)."""
        side = self._judge.plan.size
        shares = F.interpolate(believed[None].float(), size=(side, side), mode="bilinear")
        shares = shares * self._field
        rest = (1 - shares.sum(dim=1, keepdim=True)).clamp_min(0)
        every = torch.cat([rest, shares], dim=1)
        thresholds = self._judge.thresholds(every, self._field)
        return decide(every.cpu().numpy()[0], thresholds, self._judge.plan.rules)
