"""Instance discrimination (Wu et al., CVPR 2018): every image told from every other."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.core.losses.instance_discrimination import nonparametric_softmax, pooled
from napari_localdisc.core.pretraining.objectives.base import Objective, Setting
from napari_localdisc.core.pretraining.sampling.views import Views
from napari_localdisc.core.pretraining.training_step import TrainingStep


class InstanceDiscrimination(Objective):
    """A softmax over all images, against a memory of the vector that each had when last seen.

    The paper samples negatives because it has a million images; with thousands the softmax is
    computed in full.
    """

    name = "instance-discrimination"
    terms = ("instance",)
    one_crop_each = True
    bank: Tensor

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        shape = (setting.images, setting.card.embedding_dim)
        self.register_buffer(
            "bank", F.normalize(torch.randn(shape, generator=self.generator), dim=1)
        )
        self._seen: tuple[Tensor, Tensor] | None = None

    def forward(self, training_step: TrainingStep, views: Views, step: int) -> dict[str, Tensor]:  # noqa: ARG002
        """Cross-entropy of each view's own image."""
        vectors = pooled(training_step.embedding(torch.cat([views.first, views.second])))
        own = views.image.repeat(2)
        self._seen = vectors.detach(), views.image
        loss = nonparametric_softmax(vectors, self.bank, own, self.config.bank_tau)
        return {"instance": loss}

    @torch.no_grad()
    def update(self) -> None:
        """Move the memory of the images seen towards what they are now, mean of both views."""
        if self._seen is None:
            return
        vectors, image = self._seen
        now = F.normalize(vectors.unflatten(0, (2, -1)).mean(dim=0), dim=1)
        keep = self.config.bank_momentum
        self.bank[image] = F.normalize(keep * self.bank[image] + (1 - keep) * now, dim=1)
        self._seen = None
