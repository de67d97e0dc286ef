"""Supervised pretraining: the class of an image from its pooled features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_localdisc.core.pretraining.objectives.base import Objective, Setting
from napari_localdisc.core.pretraining.sampling.views import Views
from napari_localdisc.core.pretraining.training_step import TrainingStep


class Supervised(Objective):
    """Cross-entropy of image classes; trains the body alone, both branches stay as they began."""

    name = "supervised"
    terms = ("class",)
    one_crop_each = True
    trains_embedding = False
    needs_classes = True
    classes: Tensor

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        classes = torch.tensor(setting.classes or (), dtype=torch.int64)
        self.register_buffer("classes", classes, persistent=False)
        self.head = nn.Linear(setting.network.body.features, int(classes.max()) + 1)

    def forward(self, training_step: TrainingStep, views: Views, step: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Mean cross-entropy over both views."""
        features = training_step.features(torch.cat([views.first, views.second]))
        scores = self.head(features.mean(dim=(2, 3)))
        return {"class": F.cross_entropy(scores, self.classes[views.image].repeat(2))}
