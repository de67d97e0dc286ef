"""Local discrimination (Chen et al., IPMI 2021): patch and region discrimination of pixels.

Beyond the paper, memberships must agree with the embedding's own clusters, and a linear map of the
embedding must predict the network's input before the view was augmented (detail). Optional terms:
a linear map of the embedding predicts the U-Net's features (recall); the nearest neighbour of a
pixel in another image counts as a positive, too (across); a pixel is assigned to the same prototype
in both views (assignment). With a teacher, the U-Net learns pseudo-labels alone, the teacher's
clusters, from augmented and masked views, and both branches learn from its features.
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
"""Standard deviations to which the targets of regressions are clipped."""


class LocalDiscrimination(Objective):
    """The objective of local discrimination, with the terms described above."""

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
        """Weights of the terms, from the configuration."""
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
        """Whether the warm-up is over."""
        return step >= self.config.warmup * self.config.steps

    def forward(self, training_step: TrainingStep, views: Views, step: int) -> dict[str, Tensor]:
        """Patch, mixup, detail and assignment; after the warm-up also the terms of clusters."""
        partner, own_share = self._mix(views.first)
        weights = own_share[:, None, None, None]
        mixed = weights * views.first + (1 - weights) * views.first[partner]
        features, embedding, memberships = training_step.everything(
            torch.cat([mixed, views.second]), apart=bool(self.pseudo_label_counts)
        )
        first, second = views.shared(*embedding.chunk(2))
        points = self.sampler.draw(len(first), first.shape[-1]).to(first.device)
        in_both = points.gather(views.overlap[:, None])[..., 0]
        unmixed = own_share == 1
        terms = self._patches(points, in_both, (first, second), partner, own_share)
        terms["detail"] = self._detail((first, second), views.plain, unmixed)
        if self.config.recall:
            terms["recall"] = self._recall(embedding, features.detach())
        if views.pseudo_labels is not None:
            decoded = training_step.network.body.decoded(features)
            terms["codes"] = self._pseudo_labels(decoded, views, views.pseudo_labels, unmixed)
        if self.config.assignment:
            shared_memberships = views.shared(*memberships.chunk(2))
            counted = in_both & unmixed[points.owner][:, None]
            terms["assignment"] = self._assignment(
                points, counted, (first, second), shared_memberships
            )
        if self.trains_clusters(step):
            terms |= self._clusters(embedding, memberships)
        return terms

    def _detail(
        self, embedding: tuple[Tensor, Tensor], plain: tuple[Tensor, Tensor], unmixed: Tensor
    ) -> Tensor:
        """Error of the plain views, predicted from the embedding; mixed crops count in one view."""
        first, second = embedding
        vectors = torch.cat([first[unmixed], second]) * first.shape[1] ** 0.5
        targets = torch.cat([plain[0][unmixed], plain[1]])
        return _regression(self.decoder(vectors), self.standard(targets))

    def _pseudo_labels(
        self, decoded: Tensor, views: Views, pseudo_labels: Tensor, unmixed: Tensor
    ) -> Tensor:
        """Cross-entropy of the pseudo-labels, predicted from the decoder's features."""
        logits = views.shared(*self.reader(decoded).chunk(2))
        counted = (unmixed[:, None, None], views.overlap)
        return pseudo_label_loss(logits, pseudo_labels, counted, self.pseudo_label_counts)

    def _clusters(self, embedding: Tensor, memberships: Tensor) -> dict[str, Tensor]:
        """Region discrimination, and the terms that keep memberships decided and balanced."""
        regional = self._regional(embedding.detach())
        return {
            "region": local_discrimination.region_discrimination(embedding, memberships),
            "agreement": local_discrimination.agreement(regional, memberships),
            "entropy": local_discrimination.entropy(memberships),
            "balance": local_discrimination.imbalance(memberships),
        }

    def _regional(self, embedding: Tensor) -> Tensor:
        """Mean direction around each pixel."""
        if not self.config.regional:
            return embedding
        return F.normalize(blur(embedding, self.config.regional), dim=1)

    def _mix(self, first: Tensor) -> tuple[Tensor, Tensor]:
        """Mixup: each crop's partner, and its own share in [0.5, 1]; 1 for every other crop."""
        partner = torch.arange(len(first), device=first.device).roll(1)
        share = 0.5 + 0.5 * torch.rand(len(first), generator=self.generator)
        share[:: 2 if self.config.mixed else 1] = 1.0
        return partner, share.to(first.device)

    def _recall(self, embedding: Tensor, features: Tensor) -> Tensor:
        """Error of the body's features, predicted from the embedding, at every second pixel."""
        vectors, targets = (x[..., ::2, ::2] for x in (embedding, features))
        return _regression(self.reminder(vectors * vectors.shape[1] ** 0.5), self.usual(targets))

    def _assignment(
        self,
        points: Points,
        counted: Tensor,
        embedding: tuple[Tensor, Tensor],
        memberships: tuple[Tensor, Tensor],
    ) -> Tensor:
        """Predict prototypes of counted points (G, P) from the other view (swapped prediction)."""
        prototypes = F.normalize(self.prototypes, dim=1)
        alike = [points.gather(x)[counted] @ prototypes.T for x in embedding]
        wanted = [local_discrimination.balanced_assignment(x.detach()) for x in alike]
        by_embedding = [(x / self.config.tau).log_softmax(dim=1) for x in alike]
        by_branch = [points.gather(x)[counted].clamp_min(1e-6).log() for x in memberships]
        swapped = [
            local_discrimination.swapped_prediction(*x, *wanted) for x in (by_embedding, by_branch)
        ]
        return torch.stack(swapped).sum()

    def _patches(
        self,
        points: Points,
        in_both: Tensor,
        embedding: tuple[Tensor, Tensor],
        partner: Tensor,
        own_share: Tensor,
    ) -> dict[str, Tensor]:
        """Patch discrimination of the points in both views (G, P), with mixup and neighbours."""
        first, second = embedding
        anchors, positives = points.gather(first), points.gather(second)
        far = points.far_negatives(positives, self.config.far)
        tau, near = self.config.tau, points.near_negatives & in_both[:, None, :]
        own = local_discrimination.patch_discrimination(anchors, positives, far, near, tau)
        weight = own_share[points.owner][:, None] * in_both
        terms = {"patch": weight * own}
        if self.config.mixed:
            partners = points.gather(second[partner])
            other = local_discrimination.patch_discrimination(anchors, partners, far, near, tau)
            terms["mixup"] = (1 - own_share)[points.owner][:, None] * in_both * other
        if self.config.across:
            nearest_neighbours = points.nearest_neighbours(anchors.detach())
            alike = local_discrimination.patch_discrimination(
                nearest_neighbours, positives, far, near, tau
            )
            terms["across"] = weight * alike
        return {name: term.sum() / in_both.sum().clamp_min(1) for name, term in terms.items()}


def _regression(predicted: Tensor, standardised: Tensor) -> Tensor:
    """Smooth L1 error of standardised maps, whose outliers are clipped."""
    return F.smooth_l1_loss(predicted, standardised.clamp(-_UNUSUAL, _UNUSUAL))
