"""Fine-tuning: a segmentation network trained on a few labelled images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.encoder.network import channels_last
from napari_localdisc.core.encoder.segmentation_net import SegmentationNet
from napari_localdisc.core.evaluation.labelled_sets import LabelledImage
from napari_localdisc.core.evaluation.metrics import dice
from napari_localdisc.core.evaluation.pixel_vectors import network_inputs
from napari_localdisc.core.imaging.augmentation import Turn, Turns, vary_inputs
from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.core.losses.segmentation import IGNORE, segmentation_loss


class FinetuneConfig(BaseModel):
    """Budget of a fine-tuning, the same for every initialisation.

    Attributes
    ----------
    steps, batch : int
        Optimisation steps, and crops per step.
    crop : int
        Side of a crop in pixels; the whole canvas where that is smaller.
    learning_rate, weight_decay : float
        Of AdamW; the rate rises and falls once.
    aimed : float
        Share of the crops that are laid over a pixel of the structure.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    steps: int = Field(default=150, ge=1)
    batch: int = Field(default=4, ge=1)
    crop: int = Field(default=128, ge=32, multiple_of=32)
    learning_rate: float = Field(default=3e-3, gt=0)
    weight_decay: float = Field(default=1e-3, ge=0)
    aimed: float = Field(default=0.5, ge=0, le=1)


@dataclass(frozen=True)
class Examples:
    """Network inputs of labelled images, with their masks.

    Attributes
    ----------
    inputs : Tensor of float16, shape (n, C, S, S)
    wanted : Tensor of int8, shape (n, S, S)
        1 in the structure, 0 outside, -1 beyond the field of view.
    """

    inputs: Tensor
    wanted: Tensor

    @classmethod
    def of(
        cls,
        images: Sequence[LabelledImage],
        preprocessing: Preprocessing,
        device: torch.device | None = None,
    ) -> Examples:
        """Prepare images of one canvas size."""
        size = images[0].truth.shape[0]
        inputs = [network_inputs(image.pixels, preprocessing, size).half() for image in images]
        wanted = [np.where(image.field, image.truth, IGNORE).astype(np.int8) for image in images]
        labels = torch.from_numpy(np.stack(wanted))
        return cls(torch.cat(inputs).to(device), labels.to(device))

    def __len__(self) -> int:
        return len(self.inputs)


class _Cropper:
    """Random crops of examples, turned as the images allow, some laid over the structure."""

    def __init__(self, examples: Examples, config: FinetuneConfig, turns: Turns, seed: int) -> None:
        self.examples, self.config, self.turns = examples, config, turns
        self.side = min(config.crop, examples.wanted.shape[-1])
        self.places = [(one > 0).nonzero().cpu() for one in examples.wanted]
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self) -> tuple[Tensor, Tensor]:
        inputs, wanted = [], []
        for index in self._draw(len(self.examples), self.config.batch):
            row, column = self._corner(self.places[index])
            span = (slice(row, row + self.side), slice(column, column + self.side))
            turn = Turn.draw(self.generator, self.turns)
            inputs.append(turn(self.examples.inputs[(index, slice(None), *span)].float()))
            wanted.append(turn(self.examples.wanted[(index, *span)].long()))
        seen = vary_inputs(torch.stack(inputs), self.generator)
        return seen.contiguous(memory_format=torch.channels_last), torch.stack(wanted)

    def _draw(self, high: int, count: int) -> list[int]:
        return [int(i) for i in torch.randint(0, high, (count,), generator=self.generator)]

    def _corner(self, places: Tensor) -> tuple[int, int]:
        room = self.examples.wanted.shape[-1] - self.side
        aimed = float(torch.rand((), generator=self.generator)) < self.config.aimed
        row, column = self._draw(room + 1, 2)
        if aimed and len(places):
            middle = places[self._draw(len(places), 1)[0]].tolist()
            shift = self._draw(self.side, 2)
            row, column = (min(max(0, m - s), room) for m, s in zip(middle, shift, strict=True))
        return row, column


def finetune(
    network: SegmentationNet,
    examples: Examples,
    config: FinetuneConfig,
    turns: Turns = "none",
    seed: int = 0,
) -> Run[None]:
    """Train a network of two classes on labelled images: cross-entropy and soft Dice.

    Parameters
    ----------
    network : SegmentationNet
        On the device of the examples; trained in place.
    examples : Examples
    config : FinetuneConfig
    turns : str
        See `Turns`.
    seed : int
        Draws the crops.

    Yields
    ------
    Progress
        Per step, with the loss.

    Raises
    ------
    LocaldiscError
        If the loss is no longer finite.
    """
    channels_last(network).train()
    optimiser = torch.optim.AdamW(
        network.parameters(), config.learning_rate, weight_decay=config.weight_decay
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, config.learning_rate, total_steps=config.steps + 1
    )
    crops = _Cropper(examples, config, turns, seed)
    for step in range(config.steps):
        inputs, wanted = crops()
        with mixed_precision(inputs.device):
            logits = network(inputs)
        loss = segmentation_loss(logits.float(), wanted)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        schedule.step()
        values = {"loss": _finite(loss, step + 1)}
        yield Progress("finetune", step + 1, config.steps, values=values)
    network.eval()


def _finite(loss: Tensor, step: int) -> float:
    value = float(loss.detach())
    if not math.isfinite(value):
        raise LocaldiscError(
            f"training diverged at step {step}; check the weights that it starts from or use a"
            " lower learning rate."
        )
    return value


@torch.inference_mode()
def dice_scores(network: SegmentationNet, examples: Examples) -> tuple[float, ...]:
    """Dice of each image inside its field of view; a pixel belongs to it from one half on."""
    scores = []
    for inputs, wanted in zip(examples.inputs, examples.wanted, strict=True):
        plane = inputs[None].float().contiguous(memory_format=torch.channels_last)
        with mixed_precision(inputs.device):
            logits = network(plane)
        found = logits[0, 1] > logits[0, 0]
        truth = wanted.cpu().numpy()
        scores.append(dice(found.cpu().numpy(), truth > 0, truth >= 0))
    return tuple(scores)


def mixed_precision(device: torch.device) -> AbstractContextManager[None]:
    """Compute in bfloat16 where a CUDA device does so itself; everywhere else in full."""
    able = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=able)
