"""Pixel features of a set of images, which the E-steps of guidance compare.

A pixel's features are its embedding beside the normalised input at that pixel (the shallowest
detail), standardised per image, then whitened over the set and reduced by principal component
analysis (PCA).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.encoder.network import LocalDiscriminationNet
from napari_localdisc.core.imaging.arrays import as_image
from napari_localdisc.core.imaging.canvas import image_to_canvas
from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.core.imaging.window import WHOLE, Window

_FLOOR = 1e-2
"""Share of the largest variance added to every direction, so that noise is not blown up."""
_FITTED = 20
"""Images at most that the whitening is fitted to; only their features are held unwhitened."""
_KEPT = 48
"""Principal components kept; the others hold next to nothing but noise."""


@dataclass(frozen=True)
class PixelSet:
    """Whitened features of images on their canvas, ready for guidance.

    Attributes
    ----------
    features : Tensor of float16, shape (n, D, S, S)
        Whitened; zero outside the field of view.
    normalised : Tensor of float16, shape (n, C, S, S)
        Channels that the network's input is computed from.
    fields : Tensor of bool, shape (n, S, S)
    whitening : Tensor of float32, shape (F, D)
        Maps F standardised features to whitened ones.
    preprocessing : Preprocessing
    """

    features: Tensor
    normalised: Tensor
    fields: Tensor
    whitening: Tensor
    preprocessing: Preprocessing

    def __len__(self) -> int:
        return len(self.features)

    @property
    def size(self) -> int:
        """Side S of the canvas."""
        return int(self.features.shape[-1])

    @property
    def whole(self) -> Tensor:
        """Channels (n, c, S, S) normalised as a whole, no surroundings subtracted."""
        return self.preprocessing.whole(self.normalised)

    def inputs(self, index: int) -> Tensor:
        """Network inputs of an image: float32, shape (1, inputs, S, S)."""
        field = self.fields[index][None, None].float()
        return self.preprocessing.describe(self.normalised[index][None].float(), field)

    def coarse(self, size: int) -> tuple[Tensor, Tensor]:
        """Features (n, D, size, size) in float32 and fields (n, size, size), by area averaging."""
        features = torch.cat(
            [F.adaptive_avg_pool2d(one[None].float(), size) for one in self.features]
        )
        fields = F.adaptive_avg_pool2d(self.fields[:, None].float(), size)[:, 0] > 0.9
        return features * fields[:, None], fields


@torch.inference_mode()
def prepare(
    images: Sequence[npt.NDArray[np.generic]],
    preprocessing: Preprocessing,
    size: int,
    device: torch.device,
    window: Window = WHOLE,
) -> tuple[Tensor, Tensor]:
    """Put images on canvases and compute the network inputs.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W) or (H, W, C)
        Each of its own size.
    preprocessing : Preprocessing
    size : int
        Side of the canvas, or of the window.
    device : torch.device
    window : Window
        The part of each canvas that is kept.

    Returns
    -------
    inputs : Tensor of float32, shape (N, C, size, size)
    fields : Tensor of float32, shape (N, 1, size, size)
    """
    on_canvas = [image_to_canvas(as_image(image), preprocessing, size, window) for image in images]
    pixels, fields = (torch.cat(parts).to(device) for parts in zip(*on_canvas, strict=True))
    return preprocessing(pixels, fields), fields


@torch.inference_mode()
def features_of(inputs: Tensor, fields: Tensor, network: LocalDiscriminationNet) -> Tensor:
    """Standardised features of images before whitening.

    Parameters
    ----------
    inputs, fields : Tensor
        As `prepare` returns them.
    network : LocalDiscriminationNet
        Of an encoder, on their device; the sides must be divisible by its stride.

    Returns
    -------
    Tensor of float32, shape (N, D, size, size)
        Zero mean and unit variance over each image's field of view.
    """
    embedding = network.embed(network.body(inputs.contiguous(memory_format=torch.channels_last)))
    features = torch.cat([embedding, inputs], dim=1)
    return torch.stack([_standard(*pair) for pair in zip(features, fields, strict=True)])


def _standard(features: Tensor, field: Tensor) -> Tensor:
    count = field.sum().clamp_min(1)
    mean = (features * field).sum(dim=(1, 2), keepdim=True) / count
    centred = (features - mean) * field
    spread = (centred.square().sum(dim=(1, 2), keepdim=True) / count).sqrt()
    return centred / (spread + 1e-3)


def pixel_set(
    images: Sequence[npt.NDArray[np.generic]],
    encoder: Encoder,
    size: int,
    device: torch.device,
    window: Window = WHOLE,
) -> Run[PixelSet]:
    """Compute and whiten the features of a set of images.

    Parameters
    ----------
    images : sequence of ndarray, shape (H, W) or (H, W, C)
    encoder : Encoder
    size : int
        Side of the canvas, or of the window.
    device : torch.device
    window : Window
        The part of each canvas that is kept.

    Yields
    ------
    Progress
        Per image.
    """
    preprocessing, count = encoder.card.preprocessing, len(images)
    sides = (size, size)
    normalised = torch.empty(count, preprocessing.normalised, *sides, dtype=torch.half)
    normalised = normalised.to(device)
    fields = torch.empty(count, *sides, dtype=torch.bool, device=device)

    def embed(index: int) -> Tensor:
        seen, field = prepare([images[index]], preprocessing, size, device, window)
        normalised[index], fields[index] = seen[0, : preprocessing.normalised], field[0, 0] > 0
        return features_of(seen, field, encoder.network)[0].half()

    sample = _spread_over(count, _FITTED)
    held = dict[int, Tensor]()
    for done, index in enumerate(sample, start=1):
        held[index] = embed(index)
        yield Progress("embed", done, count)
    matrix = _whitening(list(held.values()), fields[sample])
    white = normalised.new_empty(count, matrix.shape[1], *sides)
    for index in range(count):
        sampled = index in held
        features = held.pop(index) if sampled else embed(index)
        white[index] = torch.einsum("dhw,de->ehw", features.float(), matrix)
        if not sampled:
            done += 1
            yield Progress("embed", done, count)
    return PixelSet(white, normalised, fields, matrix, preprocessing)


def _spread_over(count: int, most: int) -> list[int]:
    """At most so many indices below `count`, evenly spread."""
    return sorted({round(at) for at in np.linspace(0, count - 1, min(count, most))})


def _whitening(features: Sequence[Tensor], fields: Tensor) -> Tensor:
    stride = max(1, int(fields.sum()) // 200_000)
    drawn = [field.flatten().nonzero()[::stride, 0] for field in fields]
    pixels = torch.cat(
        [one.flatten(1)[:, at].T.float() for one, at in zip(features, drawn, strict=True)]
    )
    covariance = pixels.T @ pixels / len(pixels)
    values, axes = torch.linalg.eigh(covariance.cpu())
    matrix: Tensor = axes * (values + _FLOOR * values.max()).rsqrt()
    return matrix[:, -_KEPT:].to(fields.device)
