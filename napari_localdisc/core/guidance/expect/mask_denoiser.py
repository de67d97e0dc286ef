"""Mask denoising: masks from noisy score maps, learned from the references alone.

A small network learns to recover reference masks from noise with the spectrum of the score maps at
hand but none of their structure (random phases). On the score maps themselves it gives the mask's
posterior mean under the prior, as denoising autoencoders do (Vincent et al. 2010; Larrazabal et al.
2020 for segmentation).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.encoder.initial_weights import initial_weights
from napari_localdisc.core.encoder.network import UNet, channels_last
from napari_localdisc.core.imaging.morphology import dilate
from napari_localdisc.core.imaging.scale_space import blur

_SIDE, _BATCH = 96, 8
"""Side in pixels of the patches of a training step, and their number."""
_RIM = 4
"""Pixels at the rim of the field of view whose masks are discarded: the rim looks like a line."""
_CORRELATION = (0.2, 0.95)
"""Range of the correlation of scores and mask that is estimated from their skewness."""
_LEAST_FACTOR, _FACTOR_RANGE = 0.7, 0.6
"""Factor that varies the correlation from patch to patch: its least, and how far it reaches."""
_TRAINED_CORRELATION = (0.1, 0.97)
"""Range of the correlation in training."""
_CONTRAST_SPREAD, _CONTRAST_WIDTH = 1.8, 6.0
"""How much contrast varies along a structure, before blurring, and over how many pixels."""
_CONTRAST = (0.3, 1.7)
"""Range of that contrast, relative to the usual one."""
_LEAST_NOISE = 0.05
"""Least variance of the noise, where the signal has nearly all."""


class MaskDenoiser:
    """A denoising network for score maps of a curvilinear target.

    Parameters
    ----------
    references : Tensor, shape (N, S, S)
        Binary masks at the resolution of the score maps.
    seed : int
    """

    def __init__(self, references: Tensor, seed: int) -> None:
        device = references.device
        self.generator = torch.Generator().manual_seed(seed)
        with initial_weights(seed):
            body = UNet(1, (12, 24, 48))
            network = nn.Sequential(body, nn.Conv2d(body.features, 1, 1))
        self.network = channels_last(network.to(device))
        self.masks = blur(references[:, None].float(), 0.5)[:, 0]
        self._to_choose = self.masks.cpu().numpy()  # a GPU would be waited for at each comparison
        inside = self.masks[:, self.masks.amax(dim=0) > 0]
        self.mean, self.spread = float(inside.mean()), float(inside.std())
        self.skewness = float((((inside - self.mean) / self.spread) ** 3).mean())

    def fit(self, scores: Tensor, fields: Tensor, steps: int) -> Run[None]:
        """Train the network to recover references from noise like that of `scores`.

        Parameters
        ----------
        scores : Tensor, shape (n, S, S)
            Zero mean and unit variance inside `fields`.
        fields : Tensor of bool, shape (n, S, S)
        steps : int
        """
        correlation, inside = self._correlation(scores[fields]), fields.cpu().numpy()
        optimiser = torch.optim.AdamW(self.network.parameters(), 4e-3)
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 8e-3, total_steps=steps + 1)
        self.network.train()
        for step in range(steps):
            masks, noise = self._masks(), self._noise(scores, inside)
            logits = self.network(self._noisy_scores(masks, noise, correlation)[:, None])[:, 0]
            loss = F.binary_cross_entropy_with_logits(logits, (masks > 0.5).float())
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            optimiser.step()
            schedule.step()
            yield Progress("denoise", step + 1, steps, values={"denoising": float(loss.detach())})
        self.network.eval()

    @torch.inference_mode()
    def __call__(self, scores: Tensor, fields: Tensor) -> tuple[Tensor, Tensor]:
        """Denoise score maps: posterior means (n, S, S) in [0, 1], and where they are reliable."""
        size = scores.shape[-1]
        padding = -size % 4
        padded = F.pad(scores[:, None], (0, padding, 0, padding))
        logits = torch.cat([self.network(one[None]) for one in padded])[:, 0, :size, :size]
        wide = dilate((~fields)[:, None].float(), _RIM)[:, 0]
        reliable = wide == 0
        return logits.sigmoid() * reliable, reliable

    def _correlation(self, scores: Tensor) -> Tensor:
        """Correlation of scores and mask, by their skewness: noise is symmetric, masks are not."""
        least, most = _CORRELATION
        skewness = (scores**3).mean().clamp_min(1e-3)
        ratio = float((skewness / max(self.skewness, 1e-3)) ** (1 / 3))
        return torch.tensor(min(most, max(least, ratio)))

    def _noisy_scores(self, masks: Tensor, noise: Tensor, correlation: Tensor) -> Tensor:
        """Score maps of unit variance: masks of varied contrast, and noise, both (B, s, s)."""
        factor = torch.rand(_BATCH, 1, 1, generator=self.generator)
        varied = correlation * (_LEAST_FACTOR + _FACTOR_RANGE * factor)
        varied = varied.clamp(*_TRAINED_CORRELATION).to(masks.device)
        patches = self._normal(masks.shape).to(masks.device)[:, None]
        contrast = 1 + _CONTRAST_SPREAD * blur(patches, _CONTRAST_WIDTH)[:, 0]
        signal = (masks - self.mean) / self.spread * contrast.clamp(*_CONTRAST)
        noise_deviation = (1 - varied.square()).clamp_min(_LEAST_NOISE).sqrt()
        return varied * signal + noise_deviation * noise

    def _normal(self, shape: torch.Size) -> Tensor:
        return torch.randn(shape, generator=self.generator)

    def _integers(self, high: int, count: int) -> list[int]:
        found: list[int] = torch.randint(0, high, (count,), generator=self.generator).tolist()
        return found

    def _masks(self) -> Tensor:
        """Patches (B, s, s) of references: of three each the fullest, turned and mirrored."""
        side = min(_SIDE, self.masks.shape[-1] - self.masks.shape[-1] % 4)
        room = self.masks.shape[-1] - side
        crops = []
        for index in self._integers(len(self.masks), _BATCH):
            spans = [self._span(index, room, side) for _ in range(3)]
            crops.append(self.masks[max(spans, key=lambda s: self._to_choose[s].sum())])
        turned = torch.rot90(torch.stack(crops), self._integers(4, 1)[0], (1, 2))
        return turned.flip(1) if self._integers(2, 1)[0] else turned

    def _span(self, index: int, room: int, side: int) -> tuple[int, slice, slice]:
        row, column = self._integers(room + 1, 2)
        return index, slice(row, row + side), slice(column, column + side)

    def _noise(self, scores: Tensor, inside: npt.NDArray[np.bool_]) -> Tensor:
        """Noise (B, s, s) with the power spectrum of patches inside the fields of view."""
        side = min(_SIDE, scores.shape[-1] - scores.shape[-1] % 4)
        room = scores.shape[-1] - side
        found = []
        for index in self._integers(len(scores), _BATCH):
            spans = [self._span(index, room, side) for _ in range(4)]
            found.append(scores[max(spans, key=lambda s: inside[s].mean())])
        patches = torch.stack(found)
        size = torch.fft.rfft2(patches - patches.mean(dim=(1, 2), keepdim=True)).abs()
        phase = torch.fft.rfft2(self._normal(patches.shape).to(patches.device))
        shaped: Tensor = torch.fft.irfft2(
            size * phase / phase.abs().clamp_min(1e-6), s=patches.shape[1:]
        )
        return shaped / shaped.std(dim=(1, 2), keepdim=True).clamp_min(1e-3)
