"""Guided heads: per-pixel classifiers of the features, trained against a prior with a critic.

A maximisation step (M-step) of guidance. Several heads are trained in parallel. A head sees only
the pixel's own features, so it cannot paint shapes that the image does not hold.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.encoder.initial_weights import initial_weights
from napari_localdisc.core.imaging.scale_space import blur
from napari_localdisc.core.losses.critic import Critic, critic_loss, kl_estimate
from napari_localdisc.core.losses.local_discrimination import region_discrimination
from napari_localdisc.core.losses.segmentation import segmentation_loss
from napari_localdisc.core.segmenter.pixel_features import PixelSet


class Head(nn.Module):
    """Per-pixel classifier: two 1x1 convolutions beside a linear path.

    Parameters
    ----------
    features : int
        Length D of a pixel's feature vector.
    targets : int
        K; the output has K + 1 classes, 0 the background.
    hidden : int
    """

    def __init__(self, features: int, targets: int, hidden: int = 24) -> None:
        super().__init__()
        self.linear = nn.Conv2d(features, targets + 1, 1)
        self.inner = nn.Conv2d(features, hidden, 1)
        self.outer = nn.Conv2d(hidden, targets + 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Logits (n, K + 1, H, W) of features (n, D, H, W)."""
        logits: Tensor = self.outer(F.relu(self.inner(features))) + self.linear(features)
        return logits


@dataclass(frozen=True)
class HeadSettings:
    """Settings of the training of heads.

    Attributes
    ----------
    crop : int
        Side of the crops; the whole canvas for compact targets.
    batch : int
        Crops per step.
    curvilinear : bool
        References of curvilinear targets may be turned and mirrored; heads of compact ones are
        trained for overlap, too.
    kl, region : float
        Weights of the critic's KL and of region discrimination beside the fit to the labels.
    critic_side : int
        Side that whole-canvas masks are reduced to for the critic; 0 for no reduction.
    """

    crop: int
    batch: int
    curvilinear: bool
    kl: float
    region: float
    critic_side: int


class HeadTrainer:
    """Trainer of one head with its critic.

    Parameters
    ----------
    pixels : PixelSet
    labels : Tensor of int8, shape (n, S, S)
        Posterior labels of the start: 0 background, 1..K targets, -1 undecided.
    references : Tensor of bool, shape (N, K, S, S)
        On the canvas of `pixels`.
    settings : HeadSettings
    seed : int
        Each head draws its own half of the crops and its own initial weights.
    """

    def __init__(
        self,
        pixels: PixelSet,
        labels: Tensor,
        references: Tensor,
        settings: HeadSettings,
        seed: int,
    ) -> None:
        self.pixels, self.labels, self.references = pixels, labels, references
        self.settings = settings
        self.generator = torch.Generator().manual_seed(seed)
        targets = references.shape[1]
        device = pixels.features.device
        with initial_weights(seed):
            self.head = Head(pixels.features.shape[1], targets).to(device)
            self.critic = Critic(targets).to(device)
        self.head_optimiser = torch.optim.AdamW(self.head.parameters(), 1e-2)
        self.critic_optimiser = torch.optim.Adam(self.critic.parameters(), 1e-3, betas=(0.5, 0.99))

    def step(self) -> dict[str, float]:
        """Train critic and head once; returns the terms."""
        features, labels = self._crops()
        logits = self.head(features)
        probabilities = logits.softmax(dim=1)
        predicted = self._for_critic(probabilities[:, 1:])
        real = self._for_critic(self._references().float())
        criticism = critic_loss(
            self.critic(self._noisy(real)), self.critic(self._noisy(predicted.detach()))
        )
        self.critic_optimiser.zero_grad(set_to_none=True)
        criticism.backward()
        self.critic_optimiser.step()
        kl = kl_estimate(self.critic(predicted))
        fit = segmentation_loss(logits, labels.long(), overlap=not self.settings.curvilinear)
        region = region_discrimination(
            F.normalize(features[..., ::2, ::2], dim=1), probabilities[..., ::2, ::2]
        )
        loss = fit + self.settings.kl * kl + self.settings.region * region
        self.head_optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.head_optimiser.step()
        terms = {"critic_kl": kl, "labels": fit, "region": region}
        return {name: float(value.detach()) for name, value in terms.items()}

    def _draw(self, high: int, count: int) -> list[int]:
        return [int(i) for i in torch.randint(0, high, (count,), generator=self.generator)]

    def _crops(self) -> tuple[Tensor, Tensor]:
        side, size = self.settings.crop, self.pixels.size
        features, labels = [], []
        for index in self._draw(len(self.pixels), self.settings.batch):
            row, column = self._draw(size - side + 1, 2)
            span = (slice(row, row + side), slice(column, column + side))
            features.append(self.pixels.features[(index, slice(None), *span)])
            labels.append(self.labels[(index, *span)])
        return torch.stack(features).float(), torch.stack(labels)

    def _references(self) -> Tensor:
        side, size = self.settings.crop, self.references.shape[-1]
        crops = []
        for index in self._draw(len(self.references), self.settings.batch):
            row, column = self._draw(size - side + 1, 2)
            crop = self.references[index, :, row : row + side, column : column + side]
            if self.settings.curvilinear:
                crop = torch.rot90(crop, self._draw(4, 1)[0], (1, 2))
            crops.append(crop)
        return torch.stack(crops)

    def _for_critic(self, masks: Tensor) -> Tensor:
        if self.settings.critic_side:
            return F.adaptive_avg_pool2d(masks, self.settings.critic_side)
        return blur(masks, 0.7)

    def _noisy(self, masks: Tensor) -> Tensor:
        return masks + 0.05 * torch.randn(masks.shape, generator=self.generator).to(masks.device)


def train_heads(trainers: list[HeadTrainer], steps: int) -> Run[None]:
    """Train heads side by side.

    Yields
    ------
    Progress
        Per step, with the terms averaged over heads.
    """
    for step in range(steps):
        terms = [trainer.step() for trainer in trainers]
        values = {name: sum(t[name] for t in terms) / len(terms) for name in terms[0]}
        yield Progress("guide", step + 1, steps, f"{len(trainers)} heads", values)
    for trainer in trainers:
        trainer.head.eval()


@torch.inference_mode()
def first_image_probabilities(head: Head, pixels: PixelSet) -> Tensor:
    """Probabilities (K, S, S) of the targets on the first image, by a head in training."""
    logits: Tensor = head(pixels.features[:1].float())
    return logits.softmax(dim=1)[0, 1:]


@torch.inference_mode()
def head_probabilities(head: Head, pixels: PixelSet) -> Tensor:
    """Class probabilities (n, K + 1, S, S) in float16 of the guiding images."""
    return torch.cat([head(one[None].float()).softmax(dim=1).half() for one in pixels.features])
