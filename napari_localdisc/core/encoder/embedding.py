"""Embedding an image of any size, tile by tile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.encoder.network import UNet, channels_last
from napari_localdisc.core.imaging.arrays import FloatMap, as_image

TOLERANCE = 1e-4
"""Largest difference between a tiled and an untiled embedding, for vectors of unit length."""

_STRIP = 16
"""Rows that go through the branches at once."""

_SMALLEST = 128
"""Side in pixels of the smallest tile that is tried where memory is short."""


_Branch = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Embedded:
    """Both branches of the network on one image.

    Attributes
    ----------
    embedding : ndarray of float32, shape (D, H, W)
        Unit vectors along D.
    memberships : ndarray of float32, shape (M, H, W)
        Sum to 1 along M.
    field : ndarray of bool, shape (H, W)
        Field of view.
    """

    embedding: FloatMap
    memberships: FloatMap
    field: npt.NDArray[np.bool_]


def embed_and_cluster(
    image: npt.NDArray[np.generic],
    encoder: Encoder,
    device: torch.device | None = None,
    tile: int = 512,
) -> Run[Embedded]:
    """Run the network on an image at its own size.

    Tiles overlap by the network's reach, so that they agree with the untiled result to within
    `TOLERANCE`.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, C)
    encoder : Encoder
    device : torch.device, optional
        CPU if not given.
    tile : int
        Side of a tile in pixels, without the overlap.

    Yields
    ------
    Progress
        Per tile.

    Raises
    ------
    LocaldiscError
        If the array is not an image, or there is no memory for the smallest tile. Short of memory,
        tiles are halved until they fit.
    """
    network = encoder.network
    (embedding, memberships), field = yield from _branches(
        image, encoder, device, tile, (network.embed, network.cluster)
    )
    return Embedded(embedding, memberships, field)


def _branches(
    image: npt.NDArray[np.generic],
    encoder: Encoder,
    device: torch.device | None,
    tile: int,
    branches: Sequence[_Branch],
) -> Run[tuple[list[FloatMap], npt.NDArray[np.bool_]]]:
    """Return what each branch of the network gives for an image, and the field of view."""
    device = device or torch.device("cpu")
    channels_last(encoder.network.to(device)).eval()
    inputs, field, shape = _prepared(as_image(image), encoder)
    stride = encoder.network.body.stride
    step = max(stride, tile // stride * stride)
    while True:
        try:
            maps = yield from _tiled(inputs, encoder.network.body, branches, device, step)
            break
        except torch.OutOfMemoryError as error:
            if step < _SMALLEST:
                raise LocaldiscError(
                    f"{device} has no memory left for a tile of {step} pixels; close what else"
                    " uses it, or compute on another device."
                ) from error
        step = max(stride, step // 2 // stride * stride)
        if device.type == "cuda":
            torch.cuda.empty_cache()
        yield Progress("embed", 0, 1, f"Out of memory: trying again with tiles of {step} pixels")
    return [each[:, : shape[0], : shape[1]] for each in maps], field


def _tiled(
    inputs: Tensor, body: UNet, branches: Sequence[_Branch], device: torch.device, step: int
) -> Run[list[FloatMap]]:
    """Return what each branch gives for inputs (1, C, H, W), tile by tile."""
    reach, (height, width) = body.reach, inputs.shape[-2:]
    maps: list[FloatMap] = []
    corners = [(top, left) for top in range(0, height, step) for left in range(0, width, step)]
    for done, (top, left) in enumerate(corners):
        rows, columns = _span(top, step, reach, height), _span(left, step, reach, width)
        piece = inputs[..., rows[0] : rows[1], columns[0] : columns[1]].to(device)
        with torch.inference_mode():
            parts = body.parts(piece.contiguous(memory_format=torch.channels_last))
            # Strip by strip: features and what the branches make of them stay in the caches.
            row = top
            for strip in _strips(parts, top - rows[0], left - columns[0], step):
                place = (slice(None), slice(row, row + strip.shape[2]), slice(left, left + step))
                found = [branch(strip)[0].cpu().numpy() for branch in branches]
                if not maps:
                    maps = [np.empty((len(each), height, width), np.float32) for each in found]
                for whole, each in zip(maps, found, strict=True):
                    whole[place] = each
                row += strip.shape[2]
        yield Progress("embed", done + 1, len(corners))
    return maps


def _strips(parts: Sequence[Tensor], top: int, left: int, side: int) -> Iterator[Tensor]:
    """Yield features (1, F, rows, columns), from their parts, of a square, from its top down."""
    square = (..., slice(top, top + side), slice(left, left + side))
    for pieces in zip(*(part[square].split(_STRIP, dim=2) for part in parts), strict=True):
        yield torch.cat(pieces, dim=1)


def embed(
    image: npt.NDArray[np.generic],
    encoder: Encoder,
    device: torch.device | None = None,
    tile: int = 512,
) -> Run[FloatMap]:
    """Embed an image at its own size: unit vectors (D, H, W); see `embed_and_cluster`."""
    (embedding,), _ = yield from _branches(image, encoder, device, tile, (encoder.network.embed,))
    return embedding


def _prepared(
    image: FloatMap, encoder: Encoder
) -> tuple[Tensor, npt.NDArray[np.bool_], tuple[int, int]]:
    """Network inputs padded to the stride, the field of view, and the size before padding."""
    prepare = encoder.card.preprocessing
    pixels, field = prepare.planes(image)
    height, width = pixels.shape[-2:]
    stride = encoder.network.body.stride
    right, below = (max(-side % stride, 2 * stride - side) for side in (width, height))
    inputs = F.pad(prepare(pixels, field), (0, right, 0, below))
    return inputs, field[0, 0].numpy() > 0, (height, width)


def _span(start: int, step: int, reach: int, length: int) -> tuple[int, int]:
    return max(0, start - reach), min(length, start + step + reach)


def embedding_picture(embedding: FloatMap) -> npt.NDArray[np.uint8]:
    """Show an embedding in colour: its first three principal components as red, green, blue.

    Parameters
    ----------
    embedding : ndarray of float32, shape (D, H, W)

    Returns
    -------
    ndarray of uint8, shape (H, W, 3)
    """
    dim, height, width = embedding.shape
    points = embedding.reshape(dim, -1).T
    sample = points[:: max(1, len(points) // 50_000)]
    mean = sample.mean(axis=0)
    _, _, axes = np.linalg.svd(sample - mean, full_matrices=False)
    axes = axes[:3] * np.sign(axes[:3].sum(axis=1, keepdims=True) + 1e-12)
    scores = (points - mean) @ axes.T
    scores = np.pad(scores, ((0, 0), (0, 3 - scores.shape[1])))
    low, high = np.percentile(scores, (1, 99), axis=0)
    scaled = np.clip((scores - low) / np.maximum(high - low, 1e-6), 0, 1) * 255
    return np.asarray(scaled.reshape(height, width, 3).round(), dtype=np.uint8)
