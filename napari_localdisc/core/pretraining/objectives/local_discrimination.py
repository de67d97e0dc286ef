"""Local discrimination (Chen et al., IPMI 2021): pixels told apart, and grouped into clusters.

Beyond the paper, memberships must agree with the embedding's own clusters, and the embedding must
tell, by a linear map, what its pixel looked like before the view was varied (detail is kept, and
told from noise). Where asked, it must tell what the U-Net's features tell, too; what is most like a
pixel in another image is told from the others; and a pixel is assigned to a prototype, to the same
in both views. With a teacher, the U-Net learns nothing but to tell codes, the teacher's clusters,
of what is varied and hidden, and both branches learn from what it sees.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_localdisc.core.imaging.scale_space import blur
from napari_localdisc.core.losses import local_discrimination
from napari_localdisc.core.pretraining.objectives.base import Objective, Setting
from napari_localdisc.core.pretraining.pseudo_labels.pseudo_label_maps import pseudo_label_loss
from napari_localdisc.core.pretraining.sampling.points import Points, PointSampler
from napari_localdisc.core.pretraining.sampling.views import Views
from napari_localdisc.core.pretraining.training_step import TrainingStep

_UNUSUAL = 6.0
"""Standard deviations beyond which detail counts as that."""


class LocalDiscrimination(Objective):
    """Patch discrimination with near negatives, mixup and detail; then region discrimination."""

    name = "local-discrimination"
    takes_teacher = True
    terms = (
        "patch",
        "mixup",
        "across",
        "detail",
        "recall",
        "codes",
        "assignment",
        "region",
        "agreement",
        "entropy",
        "balance",
    )

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        config = self.config
        self.sampler = PointSampler(config.reach, config.apart, config.seed)
        self.generator = self.sampler.generator
        inputs = setting.card.preprocessing.inputs
        self.standard = nn.BatchNorm2d(inputs, affine=False)
        card = setting.card
        self.decoder = nn.Conv2d(card.embedding_dim, inputs, 1)
        if config.recall:
            features = setting.network.body.features
            self.usual = nn.BatchNorm2d(features, affine=False)
            self.reminder = nn.Conv2d(card.embedding_dim, features, 1)
        self.pseudo_label_counts = setting.pseudo_label_counts
        if self.pseudo_label_counts:
            self.reader = nn.Conv2d(card.widths[0], sum(self.pseudo_label_counts), 1)
        if config.assignment:
            shape = (card.clusters, card.embedding_dim)
            self.prototypes = nn.Parameter(F.normalize(torch.randn(shape), dim=1))

    @property
    def weights(self) -> Mapping[str, float]:
        """Those of the recipe."""
        config = self.config
        return {
            "patch": config.patch,
            "mixup": config.patch,
            "across": config.across,
            "detail": config.detail,
            "recall": config.recall,
            "codes": config.codes,
            "assignment": config.assignment,
            "region": config.region,
            "agreement": config.agreement,
            "entropy": config.entropy,
            "balance": config.balance,
        }

    def trains_clusters(self, step: int) -> bool:
        """After the warm-up."""
        return step >= self.config.warmup * self.config.steps

    def forward(self, training_step: TrainingStep, views: Views, step: int) -> dict[str, Tensor]:
        """Patch, mixup, detail and assignment; after the warm-up also those of clusters."""
        partner, share = self._mix(views.first)
        shares = share[:, None, None, None]
        mixed = shares * views.first + (1 - shares) * views.first[partner]
        features, embedding, memberships = training_step.everything(
            torch.cat([mixed, views.second]), apart=bool(self.pseudo_label_counts)
        )
        first, second = views.shared(*embedding.chunk(2))
        points = self.sampler.draw(len(first), first.shape[-1]).to(first.device)
        shown = points.gather(views.overlap[:, None])[..., 0]
        terms = self._patches(points, shown, (first, second), partner, share)
        # Mixed crops tell nothing of the plain one.
        pure = share == 1
        vectors = torch.cat([first[pure], second]) * first.shape[1] ** 0.5
        plain = torch.cat([views.plain[0][pure], views.plain[1]])
        terms["detail"] = _told(self.decoder(vectors), self.standard(plain))
        if self.config.recall:
            terms["recall"] = self._recall(embedding, features.detach())
        if views.pseudo_labels is not None:
            read = self.reader(training_step.network.body.decoded(features)).chunk(2)
            whole = (pure[:, None, None], views.overlap)
            terms["codes"] = pseudo_label_loss(
                views.shared(*read), views.pseudo_labels, whole, self.pseudo_label_counts
            )
        if self.config.assignment:
            held = views.shared(*memberships.chunk(2))
            counted = shown & pure[points.owner][:, None]
            terms["assignment"] = self._assignment(points, counted, (first, second), held)
        if self.trains_clusters(step):
            terms["region"] = local_discrimination.region_discrimination(embedding, memberships)
            seen = self._regional(embedding.detach())
            terms["agreement"] = local_discrimination.agreement(seen, memberships)
            terms["entropy"] = local_discrimination.entropy(memberships)
            terms["balance"] = local_discrimination.imbalance(memberships)
        return terms

    def _regional(self, embedding: Tensor) -> Tensor:
        """Mean direction around each pixel."""
        if not self.config.regional:
            return embedding
        return F.normalize(blur(embedding, self.config.regional), dim=1)

    def _mix(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """Each crop's partner, and the share in [0.5, 1] that stays its own; 1 for every other."""
        partner = torch.arange(len(first), device=first.device).roll(1)
        share = 0.5 + 0.5 * torch.rand(len(first), generator=self.generator)
        share[:: 2 if self.config.mixed else 1] = 1.0
        return partner, share.to(first.device)

    def _recall(self, embedding: Tensor, features: Tensor) -> Tensor:
        """Error of what the body tells of a pixel, as told by the embedding; every second pixel."""
        vectors, seen = (x[..., ::2, ::2] for x in (embedding, features))
        return _told(self.reminder(vectors * vectors.shape[1] ** 0.5), self.usual(seen))

    def _assignment(
        self,
        points: Points,
        counted: Tensor,
        embedding: tuple[Tensor, Tensor],
        memberships: tuple[Tensor, Tensor],
    ) -> Tensor:
        """Swap the assignments of points that count (G, P), of crops not mixed, between views."""
        prototypes = F.normalize(self.prototypes, dim=1)
        alike = [points.gather(x)[counted] @ prototypes.T for x in embedding]
        wanted = [local_discrimination.balanced_assignment(x.detach()) for x in alike]
        told = [(x / self.config.tau).log_softmax(dim=1) for x in alike]
        held = [points.gather(x)[counted].clamp_min(1e-6).log() for x in memberships]
        swapped = [local_discrimination.swapped_prediction(*x, *wanted) for x in (told, held)]
        return torch.stack(swapped).sum()

    def _patches(
        self,
        points: Points,
        shown: Tensor,
        embedding: tuple[Tensor, Tensor],
        partner: Tensor,
        share: Tensor,
    ) -> dict[str, Tensor]:
        """Discriminate the points that both views show (G, P)."""
        first, second = embedding
        anchors, positives = points.gather(first), points.gather(second)
        far = points.far_negatives(positives, self.config.far)
        tau, near = self.config.tau, points.near_negatives & shown[:, None, :]
        own = local_discrimination.patch_discrimination(anchors, positives, far, near, tau)
        weight = share[points.owner][:, None] * shown
        terms = {"patch": weight * own}
        if self.config.mixed:
            partners = points.gather(second[partner])
            other = local_discrimination.patch_discrimination(anchors, partners, far, near, tau)
            terms["mixup"] = (1 - share)[points.owner][:, None] * shown * other
        if self.config.across:
            nearest_neighbours = points.nearest_neighbours(anchors.detach())
            alike = local_discrimination.patch_discrimination(
                nearest_neighbours, positives, far, near, tau
            )
            terms["across"] = weight * alike
        return {name: term.sum() / shown.sum().clamp_min(1) for name, term in terms.items()}


def _told(found: Tensor, wanted: Tensor) -> Tensor:
    """Error of standardised maps as told by the embedding; what is far out counts no further."""
    return F.smooth_l1_loss(found, wanted.clamp(-_UNUSUAL, _UNUSUAL))
