"""Local discrimination (Chen et al., IPMI 2021): pixels told apart, and grouped into clusters.

Beyond the paper, memberships must agree with the embedding's own clusters, and the embedding must
tell, by linear maps, what its pixel looked like before the view was varied (detail is kept, and
told from noise) and, where asked, whereabouts in the image it lies.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_localdisc.core import losses
from napari_localdisc.core.learner import Learner
from napari_localdisc.core.objectives.base import Objective, Setting
from napari_localdisc.core.points import PointSampler
from napari_localdisc.core.views import Views

_WAVES = 4
"""Places are told as so many cosine waves along rows, times as many along columns."""

_UNUSUAL = 6.0
"""Standard deviations beyond which detail counts as that."""


class LocalDiscrimination(Objective):
    """Patch discrimination with near negatives, mixup and detail; then region discrimination."""

    name = "local-discrimination"
    terms = ("patch", "mixup", "detail", "place", "region", "agreement", "entropy", "balance")

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        config = self.config
        self.sampler = PointSampler(config.reach, config.apart, config.seed)
        self.generator = self.sampler.generator
        inputs = setting.card.preprocessing.inputs
        self.standard = nn.BatchNorm2d(inputs, affine=False)
        self.decoder = nn.Conv2d(setting.card.embedding_dim, inputs, 1)
        if config.place:
            self.locator = nn.Conv2d(setting.card.embedding_dim, _WAVES**2 - 1, 1)

    @property
    def weights(self) -> Mapping[str, float]:
        """Those of the recipe."""
        config = self.config
        return {
            "detail": config.detail,
            "place": config.place,
            "region": config.region,
            "agreement": config.agreement,
            "entropy": config.entropy,
            "balance": config.balance,
        }

    def trains_clusters(self, step: int) -> bool:
        """After the warm-up."""
        return step >= self.config.warmup * self.config.steps

    def forward(self, learner: Learner, views: Views, step: int) -> dict[str, Tensor]:
        """Patch, mixup, detail and place; after the warm-up also those of clusters."""
        partner, share = self._mix(views.first)
        shares = share[:, None, None, None]
        mixed = shares * views.first + (1 - shares) * views.first[partner]
        embedding, memberships = learner.branches(torch.cat([mixed, views.second]))
        first, second = views.shared(*embedding.chunk(2))
        terms = self._patches(first, second, partner, share)
        # Mixed crops tell nothing of the plain one.
        whole = torch.cat([first[::2], second]) * first.shape[1] ** 0.5
        terms["detail"] = self._detail(whole, torch.cat([views.plain[::2], views.plain]))
        if self.config.place:
            wanted = waves(torch.cat([views.place[::2], views.place]))
            terms["place"] = F.smooth_l1_loss(self.locator(whole), wanted)
        if self.trains_clusters(step):
            terms["region"] = losses.region_discrimination(embedding, memberships)
            terms["agreement"] = losses.agreement(embedding, memberships)
            terms["entropy"] = losses.entropy(memberships)
            terms["balance"] = losses.imbalance(memberships)
        return terms

    def _mix(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """Each crop's partner, and the share in [0.5, 1] that stays its own; every other: 1."""
        partner = torch.arange(len(first), device=first.device).roll(1)
        share = 0.5 + 0.5 * torch.rand(len(first), generator=self.generator)
        share[::2] = 1.0
        return partner, share.to(first.device)

    def _detail(self, vectors: Tensor, plain: Tensor) -> Tensor:
        """Error of the plain input as told by the embedding."""
        wanted = self.standard(plain).clamp(-_UNUSUAL, _UNUSUAL)
        return F.smooth_l1_loss(self.decoder(vectors), wanted)

    def _patches(
        self, first: Tensor, second: Tensor, partner: Tensor, share: Tensor
    ) -> dict[str, Tensor]:
        points = self.sampler.draw(len(first), first.shape[-1]).to(first.device)
        anchors, positives = points.gather(first), points.gather(second)
        partners = points.gather(second[partner])
        far = points.far(positives)
        tau = self.config.tau
        own = losses.patch_discrimination(anchors, positives, far, points.near, tau)
        other = losses.patch_discrimination(anchors, partners, far, points.near, tau)
        weight = share[points.owner][:, None]
        return {"patch": (weight * own).mean(), "mixup": ((1 - weight) * other).mean()}


def waves(place: Tensor) -> Tensor:
    """Products of cosine waves along rows and columns, without the constant one.

    Parameters
    ----------
    place : Tensor, shape (N, 2, H, W)
        From 0 to 1.

    Returns
    -------
    Tensor, shape (N, 15, H, W)
    """
    order = torch.arange(_WAVES, device=place.device, dtype=place.dtype)[:, None, None]
    rows, columns = (torch.cos(torch.pi * order * place[:, axis, None]) for axis in (0, 1))
    return torch.einsum("nahw,nbhw->nabhw", rows, columns).flatten(1, 2)[:, 1:]
