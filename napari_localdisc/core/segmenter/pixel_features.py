"""Pixel features of a set of images: the inputs of guided heads.

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
from napari_localdisc.core.imaging.arrays import as_image
from napari_localdisc.core.imaging.canvas import image_to_canvas
from napari_localdisc.core.imaging.preprocessing import Preprocessing
from napari_localdisc.core.imaging.window import WHOLE, Window

_FLOOR = 1e-2
"""Share of the largest variance added to every direction, so that noise is not blown up."""
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
def features_of(inputs: Tensor, fields: Tensor, encoder: Encoder) -> Tensor:
    """Standardised features of images before whitening.

    Parameters
    ----------
    inputs, fields : Tensor
        As `prepare` returns them.
    encoder : Encoder
        Its network must be on their device; the sides must be divisible by its stride.

    Returns
    -------
    Tensor of float32, shape (N, D, size, size)
        Zero mean and unit variance over each image's field of view.
    """
    network = encoder.network
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
    preprocessing = encoder.card.preprocessing
    features, normalised, fields = [], [], []
    for done, image in enumerate(images):
        seen, field = prepare([image], preprocessing, size, device, window)
        features.append(features_of(seen, field, encoder).half())
        normalised.append(seen[:, : preprocessing.normalised].half())
        fields.append(field[0] > 0)
        yield Progress("embed", done + 1, len(images))
    field_stack = torch.cat(fields)
    matrix = _whitening(features, field_stack)
    white = features[0].new_empty(len(features), matrix.shape[1], size, size)
    for index in range(len(white)):
        # Each is let go once it is whitened: together they are most of what guidance holds.
        white[index] = torch.einsum("dhw,de->ehw", features.pop(0)[0].float(), matrix).half()
    return PixelSet(white, torch.cat(normalised), field_stack, matrix, preprocessing)


def _whitening(features: Sequence[Tensor], fields: Tensor) -> Tensor:
    stride = max(1, int(fields.sum()) // 200_000)
    drawn = [field.flatten().nonzero()[::stride, 0] for field in fields]
    pixels = torch.cat(
        [one[0].flatten(1)[:, at].T.float() for one, at in zip(features, drawn, strict=True)]
    )
    covariance = pixels.T @ pixels / len(pixels)
    values, axes = torch.linalg.eigh(covariance.cpu())
    matrix: Tensor = axes * (values + _FLOOR * values.max()).rsqrt()
    return matrix[:, -_KEPT:].to(fields.device)
