"""What can be known of each pixel: vectors by an encoder, or by classical filters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from skimage.feature import multiscale_basic_features
from torch import Tensor

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.encoder import Encoder
from napari_localdisc.core.encoder.network import channels_last
from napari_localdisc.core.evaluation.linear_probe import Vectors
from napari_localdisc.core.imaging.arrays import as_image
from napari_localdisc.core.imaging.canvas import image_to_canvas
from napari_localdisc.core.imaging.preprocessing import Preprocessing

EMBEDDING, FEATURES, INPUT = "embedding", "U-Net features", "network input"
PIXELS, NORMALISED, MULTISCALE = "raw pixels", "normalised pixels", "multiscale_basic_features"


@dataclass(frozen=True)
class PixelVectors:
    """What a source sees in one image.

    Attributes
    ----------
    maps : mapping of str to ndarray of float32, shape (D, S, S)
        Vectors on the canvas, by kind.
    clusters : ndarray of int, shape (S, S), optional
        Most likely cluster, counted from 0, where the source tells clusters apart itself.
    """

    maps: Mapping[str, Vectors]
    clusters: npt.NDArray[np.int64] | None = None


Look = Callable[[npt.NDArray[np.generic]], PixelVectors]


@dataclass(frozen=True)
class Source:
    """Something that has vectors for pixels.

    Attributes
    ----------
    name : str
        Of the encoder; empty for the classical ones.
    look : callable
        From an image, shape (H, W) or (H, W, C), to what is seen in it.
    probed, clustered : tuple of str
        Kinds of vectors to fit linear probes and k-means on.
    clusters : int
        Clusters that the source tells apart itself; 0 for none.
    standardise : bool
        Whether k-means wants the vectors standardised.
    """

    name: str
    look: Look = field(repr=False)
    probed: tuple[str, ...]
    clustered: tuple[str, ...]
    clusters: int
    standardise: bool


def encoder_source(name: str, encoder: Encoder, size: int, device: torch.device) -> Source:
    """Vectors of an encoder: embedding, U-Net features before the heads, and its input.

    Raises
    ------
    LocaldiscError
        If the encoder does not fit images, or the canvas does not fit its network.
    """
    check_fits(name, encoder.card, size)
    network = channels_last(encoder.network.to(device)).eval()

    @torch.inference_mode()
    def look(image: npt.NDArray[np.generic]) -> PixelVectors:
        inputs = network_inputs(image, encoder.card.preprocessing, size).to(device)
        features = network.body(inputs.contiguous(memory_format=torch.channels_last))
        planes = {EMBEDDING: network.embed(features), FEATURES: features, INPUT: inputs}
        clusters = network.clustering(features).argmax(dim=1)[0].cpu().numpy()
        return PixelVectors({kind: _array(plane) for kind, plane in planes.items()}, clusters)

    kinds = (EMBEDDING, FEATURES, INPUT)
    return Source(name, look, kinds, (EMBEDDING,), encoder.card.clusters, standardise=False)


def plain_source(size: int, colour: bool) -> Source:
    """Vectors that need no training: pixels, and scikit-image's multi-scale features."""
    preprocessing = Preprocessing(3 if colour else 1, field_of_view=colour, sigmas=())

    def look(image: npt.NDArray[np.generic]) -> PixelVectors:
        pixels, inside = image_to_canvas(as_image(image), preprocessing, size)
        raw = _array(pixels)
        filtered = multiscale_basic_features(np.moveaxis(raw, 0, -1), channel_axis=-1)
        maps = {
            PIXELS: raw,
            NORMALISED: _array(preprocessing(pixels, inside)),
            MULTISCALE: np.moveaxis(filtered, -1, 0).astype(np.float32),
        }
        return PixelVectors(maps)

    return Source("", look, (PIXELS, MULTISCALE), (NORMALISED, MULTISCALE), 0, standardise=True)


def network_inputs(
    image: npt.NDArray[np.generic], preprocessing: Preprocessing, size: int
) -> Tensor:
    """Lay an image (H, W) or (H, W, C) on its canvas as a network sees it: (1, inputs, S, S)."""
    return preprocessing(*image_to_canvas(as_image(image), preprocessing, size))


def check_fits(name: str, card: EncoderCard, size: int) -> None:
    """Refuse an encoder that images or canvas do not fit.

    Raises
    ------
    LocaldiscError
        If it wants other than grey or RGB images, or the canvas has no whole number of its strides.
    """
    if card.channels not in (1, 3):
        raise LocaldiscError(
            f"encoder {name} was made for {card.channels} channels, and images have 1 or 3;"
            " give another encoder."
        )
    if size % card.stride:
        raise LocaldiscError(
            f"encoder {name} needs a canvas whose side is divisible by {card.stride}, got {size}"
            " px; give the set another size."
        )


def _array(plane: Tensor) -> Vectors:
    return np.asarray(plane[0].float().cpu().numpy())
