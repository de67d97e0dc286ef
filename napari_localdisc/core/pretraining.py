"""Pretraining an encoder by local discrimination, without labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from napari_localdisc.core import losses
from napari_localdisc.core.augmentation import Turn, photometric
from napari_localdisc.core.encoder import Encoder, EncoderCard
from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.core.framing import frame
from napari_localdisc.core.imaging import as_image
from napari_localdisc.core.network import LocalDiscriminationNet, channels_last
from napari_localdisc.core.points import PointSampler
from napari_localdisc.core.progress import Progress, Run


class PretrainConfig(BaseModel):
    """Recipe of a pretraining.

    Attributes
    ----------
    steps : int
        Optimisation steps.
    images, crops : int
        Images per step at full working size (more at smaller ones), and crops per step.
    crop : int
        Side of a crop in pixels.
    scales : tuple of float
        Sizes, relative to the card's working size, at which images are seen; drawn evenly.
    warmup : float
        Share of the steps with patch discrimination and mixup only.
    reach : int
        Near negatives are drawn from windows of this side in pixels.
    region, entropy, balance : float
        Weights of these terms; patch discrimination and mixup have weight 1.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(default=600, ge=1)
    images: int = Field(default=3, ge=2)
    crops: int = Field(default=6, ge=2)
    crop: int = Field(default=96, ge=16, multiple_of=8)
    scales: tuple[float, ...] = (1.0, 1.0, 0.5, 0.25)
    learning_rate: float = Field(default=2e-3, gt=0)
    warmup: float = Field(default=0.4, ge=0, le=1)
    tau: float = Field(default=0.1, gt=0)
    reach: int = Field(default=16, ge=4)
    region: float = Field(default=1.0, ge=0)
    entropy: float = Field(default=0.1, ge=0)
    balance: float = Field(default=1.0, ge=0)
    max_images: int = Field(default=400, ge=2)
    seed: int = 0


@dataclass(frozen=True)
class _Batch:
    first: Tensor
    second: Tensor
    mixed: Tensor
    partner: Tensor
    turn: Turn


class _Feeder:
    """Two augmented views of random crops, with mixup between images in the first view."""

    def __init__(
        self, stack: Tensor, fields: Tensor, card: EncoderCard, config: PretrainConfig
    ) -> None:
        self.stack, self.fields, self.card, self.config = stack, fields, card, config
        self.augment = photometric(card.channels)
        self.generator = torch.Generator().manual_seed(config.seed)

    def _draw(self, high: int, count: int) -> list[int]:
        return [int(i) for i in torch.randint(0, high, (count,), generator=self.generator)]

    def _images(self, device: torch.device) -> tuple[Tensor, Tensor]:
        config = self.config
        scale = config.scales[self._draw(len(config.scales), 1)[0]]
        size = max(config.crop, round(self.card.working_size * scale))
        count = min(config.crops, max(config.images, round(config.images / scale)))
        chosen = self._draw(len(self.stack), count)
        pixels = self.stack[chosen].to(device).float() / 255
        fields = self.fields[chosen].to(device).float()
        if size != pixels.shape[-1]:
            pixels = F.interpolate(pixels, size=(size, size), mode="bilinear", antialias=True)
            fields = F.interpolate(fields, size=(size, size), mode="nearest")
        return pixels, fields

    def _corner(self, field: Tensor) -> tuple[int, int]:
        """Draw the corner of a crop whose centre lies in the field of view."""
        size, half = field.shape[-1], self.config.crop // 2
        for _ in range(20):
            row, column = self._draw(size - 2 * half + 1, 2)
            if field[0, min(row + half, size - 1), min(column + half, size - 1)] > 0:
                break
        return row, column

    def __call__(self, device: torch.device) -> _Batch:
        pixels, fields = self._images(device)
        owners = [index % len(pixels) for index in range(self.config.crops)]
        corners = [self._corner(fields[owner]) for owner in owners]
        side = self.config.crop

        def cut(view: Tensor) -> Tensor:
            return torch.stack(
                [
                    view[o, :, r : r + side, c : c + side]
                    for o, (r, c) in zip(owners, corners, strict=True)
                ]
            )

        prepare = self.card.preprocessing
        first, second = (cut(prepare(self.augment(pixels).clamp(0, 1), fields)) for _ in range(2))
        partner = torch.arange(len(first), device=device).roll(1)
        share = 0.5 + 0.5 * torch.rand(len(first), 1, 1, 1, generator=self.generator).to(device)
        share[::2] = 1.0
        mixed = share * first + (1 - share) * first[partner]
        turn = Turn.draw(self.generator)
        return _Batch(mixed, turn(second), share.flatten(), partner, turn)


def pretrain(
    images: Sequence[npt.NDArray[np.generic]],
    card: EncoderCard,
    config: PretrainConfig | None = None,
    device: torch.device | None = None,
) -> Run[Encoder]:
    """Train an encoder by local discrimination.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W) or (H, W, 3)
        Unlabelled images of one modality; a random `max_images` of them are used.
    card : EncoderCard
        What to build; the returned encoder's card adds the settings.
    config : PretrainConfig, optional
    device : torch.device, optional
        CPU if not given.

    Yields
    ------
    Progress
        Per step, with every loss term and the number of clusters in use as values.

    Raises
    ------
    LocaldiscError
        If there are fewer than two images, or the clusters collapsed into one.
    """
    config = config or PretrainConfig()
    device = device or torch.device("cpu")
    if len(images) < 2:
        raise LocaldiscError(f"pretraining needs at least 2 images, got {len(images)}; add images.")
    torch.manual_seed(config.seed)
    stack, fields = yield from _load(images, card, config)
    network = channels_last(card.build().to(device)).train()
    optimiser = torch.optim.AdamW(network.parameters(), config.learning_rate, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.steps + 1, pct_start=0.1
    )
    feeder = _Feeder(stack, fields, card, config)
    sampler = PointSampler(config.crop, config.reach, config.seed)
    used = card.clusters
    for step in range(config.steps):
        warm = step < config.warmup * config.steps
        terms, used = _losses(network, feeder(device), sampler, config, warm)
        optimiser.zero_grad(set_to_none=True)
        terms["loss"].backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        schedule.step()
        values = {name: float(value.detach()) for name, value in terms.items()} | {"clusters": used}
        message = f"loss {values['loss']:.3f}, {used} clusters in use"
        yield Progress("pretrain", step + 1, config.steps, message, values)
    if used < 2 and config.warmup < 1:
        raise LocaldiscError(
            "the clusters collapsed into one; train longer, on more varied images or with a larger"
            " balance weight."
        )
    training = config.model_dump(mode="json") | {"images_used": len(stack), "device": device.type}
    return Encoder(card.model_copy(update={"training": training}), network.cpu().eval())


def _load(
    images: Sequence[npt.NDArray[np.generic]], card: EncoderCard, config: PretrainConfig
) -> Run[tuple[Tensor, Tensor]]:
    order = np.random.default_rng(config.seed).permutation(len(images))[: config.max_images]
    stack, fields = [], []
    for done, index in enumerate(order):
        pixels, field = frame(as_image(images[index]), card.preprocessing, card.working_size)
        stack.append((pixels * 255).round().byte())
        fields.append(field > 0.5)
        yield Progress("read", done + 1, len(order))
    return torch.cat(stack), torch.cat(fields)


def _losses(
    network: LocalDiscriminationNet,
    batch: _Batch,
    sampler: PointSampler,
    config: PretrainConfig,
    warm: bool,
) -> tuple[dict[str, Tensor], int]:
    views = torch.cat([batch.first, batch.second]).contiguous(memory_format=torch.channels_last)
    embedding, memberships = network(views)
    first, turned = embedding.chunk(2)
    second = batch.turn.undo(turned)
    points = sampler.draw(len(first))
    anchors, positives = points.gather(first), points.gather(second)
    partners = points.gather(second[batch.partner])
    far = points.far(positives)
    own = losses.patch_discrimination(anchors, positives, far, points.near, config.tau)
    other = losses.patch_discrimination(anchors, partners, far, points.near, config.tau)
    share = batch.mixed[points.owner][:, None]
    terms = {"patch": (share * own).mean(), "mixup": ((1 - share) * other).mean()}
    loss = terms["patch"] + terms["mixup"]
    if not warm:
        terms["region"] = losses.region_discrimination(embedding, memberships)
        terms["entropy"] = losses.entropy(memberships)
        terms["balance"] = losses.imbalance(memberships)
        for name in ("region", "entropy", "balance"):
            loss = loss + getattr(config, name) * terms[name]
    terms["loss"] = loss
    winners = memberships.detach().argmax(dim=1).flatten().bincount(minlength=memberships.shape[1])
    return terms, int((winners > 0.005 * winners.sum()).sum())
