"""Self-training (refinement): a network learns the certain pixels of posterior labels.

The maximisation step (M-step) of guidance with a network that sees context.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.encoder.network import channels_last
from napari_localdisc.core.encoder.segmentation_net import SegmentationNet
from napari_localdisc.core.guidance.learn.copy_paste import CopyPaste
from napari_localdisc.core.imaging.augmentation import Turn, vary_inputs
from napari_localdisc.core.losses.segmentation import segmentation_loss
from napari_localdisc.core.segmenter.pixel_features import PixelSet


class SelfTrainer:
    """Self-training of a `SegmentationNet` on posterior labels.

    Parameters
    ----------
    network : SegmentationNet
    pixels : PixelSet
    crop, batch : int
        Side and number of the crops of a step.
    curvilinear : bool
        Crops of curvilinear targets may be turned and mirrored; compact ones are trained for
        overlap.
    seed : int
    """

    def __init__(
        self,
        network: SegmentationNet,
        pixels: PixelSet,
        crop: int,
        batch: int,
        curvilinear: bool,
        seed: int,
    ) -> None:
        self.network = channels_last(network)
        self.pixels, self.crop, self.batch, self.curvilinear = pixels, crop, batch, curvilinear
        self.generator = torch.Generator().manual_seed(seed)

    def fit(self, labels: Tensor, steps: int, copy_pastes: Sequence[CopyPaste] = ()) -> Run[None]:
        """Train on labels, with copy-paste augmentation.

        Parameters
        ----------
        labels : Tensor of int8, shape (n, S, S)
            -1 where undecided.
        steps : int
        copy_pastes : sequence of CopyPaste
            Each draws into every crop.

        Yields
        ------
        Progress
            Per step.
        """
        optimiser = torch.optim.AdamW(self.network.parameters(), 3e-3, weight_decay=1e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, total_steps=steps + 1)
        self.network.train()
        for step in range(steps):
            inputs, wanted = self._crops(labels, copy_pastes)
            logits = self.network(inputs)
            loss = segmentation_loss(logits, wanted, overlap=not self.curvilinear)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            yield Progress("refine", step + 1, steps, values={"loss": float(loss.detach())})
        self.network.eval()

    def _draw(self, high: int, count: int) -> list[int]:
        return [int(i) for i in torch.randint(0, high, (count,), generator=self.generator)]

    def _crops(self, labels: Tensor, copy_pastes: Sequence[CopyPaste]) -> tuple[Tensor, Tensor]:
        spans, sampled = [], []
        room = self.pixels.size - self.crop + 1
        for index in self._draw(len(self.pixels), self.batch):
            row, column = self._draw(room, 2)
            spans.append((index, slice(row, row + self.crop), slice(column, column + self.crop)))
            sampled.append(
                [copy_paste.sample(self.crop, self.generator) for copy_paste in copy_pastes]
            )
        channels = torch.stack([self.pixels.normalised[i, :, r, c] for i, r, c in spans]).float()
        fields = torch.stack([self.pixels.fields[one] for one in spans])
        truth = torch.stack([labels[one] for one in spans]).long()
        for copy_paste, drawn in zip(copy_pastes, zip(*sampled, strict=True), strict=True):
            channels, truth = copy_paste.paste(channels, truth, fields, drawn)
        channels = self._vary(torch.cat([channels, fields[:, None].float()], dim=1))
        if self.curvilinear:
            turn = Turn.draw(self.generator)
            channels, truth = turn(channels), turn(truth)
        return channels.contiguous(memory_format=torch.channels_last), truth

    def _vary(self, crops: Tensor) -> Tensor:
        """Augmented network inputs of normalised crops, whose last channel is the field of view."""
        normalised, field = crops[:, :-1], crops[:, -1:]
        varied = vary_inputs(normalised, self.generator) * field
        return self.pixels.preprocessing.describe(varied, field)

    @torch.inference_mode()
    def first_image_probabilities(self) -> Tensor:
        """Probabilities (K, S, S) of the targets on the first image, while in training."""
        self.network.eval()
        logits: Tensor = self.network(self.pixels.inputs(0))
        self.network.train()
        return logits.softmax(dim=1)[0, 1:]

    @torch.inference_mode()
    def probabilities(self) -> Tensor:
        """Class probabilities (n, K + 1, S, S) in float16 of the guiding images."""
        images = (self.pixels.inputs(index) for index in range(len(self.pixels)))
        return torch.cat([self.network(one).softmax(dim=1).half() for one in images])
