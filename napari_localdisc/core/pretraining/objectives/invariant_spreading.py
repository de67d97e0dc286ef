"""Invariant and spreading instance features (Ye et al., CVPR 2019)."""

from __future__ import annotations

import torch
from torch import Tensor

from napari_localdisc.core.losses.instance_discrimination import invariance, pooled, spreading
from napari_localdisc.core.pretraining.objectives.base import Objective
from napari_localdisc.core.pretraining.sampling.views import Views
from napari_localdisc.core.pretraining.training_step import TrainingStep


class InvariantSpreading(Objective):
    """Both views of an image are one instance, the other images of the batch are others."""

    name = "invariant-spreading"
    terms = ("invariance", "spreading")
    one_crop_each = True

    def forward(self, training_step: TrainingStep, views: Views, step: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Compute the paper's two terms, averaged over the batch."""
        vectors = pooled(training_step.embedding(torch.cat([views.first, views.second])))
        first, second = vectors.chunk(2)
        tau = self.config.tau
        return {"invariance": invariance(first, second, tau), "spreading": spreading(first, tau)}
