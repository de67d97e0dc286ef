"""Encoders, and what they see in an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, overload

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.devices import resolve_device
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run, drain
from napari_localdisc.core.clusters.cluster_map import cluster_map
from napari_localdisc.core.clusters.spherical_kmeans import (
    SAMPLE,
    assign_to_centres,
    fit_spherical_kmeans,
    sample_pixels,
)
from napari_localdisc.core.encoder import embedding as core
from napari_localdisc.core.encoder import encoder as stored
from napari_localdisc.core.encoder.encoder import Encoder, default_encoder
from napari_localdisc.core.encoder.untrained import untrained_encoder

Pixels = npt.NDArray[np.generic]
OnProgress = Callable[[Progress], object] | None

_MOST_CLUSTERS = 255


@dataclass(frozen=True)
class EncoderByImage:
    """An encoder that is chosen once there is an image: fundus for colour, chest X-ray for grey.

    Attributes
    ----------
    name : str
        ``"auto"`` for the shipped one, ``"random"`` for its architecture with random weights.
    seed : int
        Of random weights.
    """

    name: Literal["auto", "random"] = "auto"
    seed: int = 0

    def choose(self, image: Pixels) -> Encoder:
        """Load the encoder for an image (H, W) or (H, W, C)."""
        shipped = stored.load_encoder(default_encoder(image))
        return shipped if self.name == "auto" else untrained_encoder(shipped.card, self.seed)


AnyEncoder = Encoder | EncoderByImage | str | Path | None


@overload
def load_encoder(  # type: ignore[overload-overlap]
    name_or_path: Literal["auto", "random"], seed: int = 0
) -> EncoderByImage: ...
@overload
def load_encoder(name_or_path: str | Path, seed: int = 0) -> Encoder: ...
def load_encoder(name_or_path: str | Path, seed: int = 0) -> Encoder | EncoderByImage:
    """Load an encoder.

    Parameters
    ----------
    name_or_path : str or Path
        ``"fundus"`` or ``"chest-xray"``, which come with the package; a file; ``"auto"`` for the
        one of them that suits the image; ``"random"`` for its architecture with random weights.
    seed : int
        Of random weights.

    Returns
    -------
    Encoder or EncoderByImage
        The latter for ``"auto"`` and ``"random"``; all functions take either.

    Raises
    ------
    LocaldiscError
        If there is no such encoder, or the file is none or damaged.

    Examples
    --------
    >>> import napari_localdisc as ld
    >>> ld.load_encoder("fundus").card.modality
    'colour fundus photograph'
    """
    if name_or_path in ("auto", "random"):
        return EncoderByImage("auto" if name_or_path == "auto" else "random", seed)
    return stored.load_encoder(name_or_path)


def encoder_for(image: Pixels, encoder: AnyEncoder) -> Encoder:
    """Load the encoder for an image, if it is not loaded yet; ``"auto"`` if None."""
    if encoder is None:
        encoder = EncoderByImage()
    elif isinstance(encoder, str | Path):
        encoder = load_encoder(encoder)
    return encoder.choose(image) if isinstance(encoder, EncoderByImage) else encoder


def embed(
    image: Pixels,
    encoder: AnyEncoder = None,
    device: str = "auto",
    on_progress: OnProgress = None,
) -> npt.NDArray[np.float32]:
    """Embed an image: a unit vector for each pixel.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, C)
        Grey or RGB, of any type and size.
    encoder : Encoder, EncoderByImage, str or Path, optional
        As `load_encoder` returns or takes it; ``"auto"`` if not given.
    device : str
        ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:N"`` or ``"mps"``.
    on_progress : callable, optional
        Called with a `Progress` for each tile.

    Returns
    -------
    ndarray of float32, shape (H, W, D)
        Of unit length along D.

    Raises
    ------
    LocaldiscError
        If the array is no image, or encoder or device are not there.

    Examples
    --------
    >>> import napari_localdisc as ld
    >>> from napari_localdisc.core.phantoms import fundus_phantom
    >>> ld.embed(fundus_phantom(0, 64).image, "fundus").shape
    (64, 64, 48)
    """
    return drain(embed_steps(image, encoder, device), on_progress)


def embed_steps(
    image: Pixels, encoder: AnyEncoder = None, device: str = "auto"
) -> Run[npt.NDArray[np.float32]]:
    """Embed an image as `embed` does; a generator of `Progress` that returns the embedding."""
    chosen = encoder_for(image, encoder)
    vectors = yield from core.embed(image, chosen, resolve_device(device))
    return np.moveaxis(vectors, 0, -1)


def clusters(
    image: Pixels,
    encoder: AnyEncoder = None,
    k: int | None = None,
    seed: int = 0,
    device: str = "auto",
    on_progress: OnProgress = None,
) -> npt.NDArray[np.uint8]:
    """Part the pixels of an image into clusters that look alike to an encoder.

    Parameters
    ----------
    image : ndarray, shape (H, W) or (H, W, C)
    encoder : Encoder, EncoderByImage, str or Path, optional
        As `load_encoder` returns or takes it; ``"auto"`` if not given.
    k : int, optional
        Number of clusters, found by k-means on the embedding's sphere; the encoder's own if not
        given.
    seed : int
        Of k-means.
    device : str
        As `embed` takes it.
    on_progress : callable, optional
        Called with a `Progress` for each tile.

    Returns
    -------
    ndarray of uint8, shape (H, W)
        1..k, the encoder's own up to their number; 0 outside the field of view.

    Raises
    ------
    LocaldiscError
        If the array is no image, encoder or device are not there, `k` is not from 2 to 255, or
        fewer pixels than that differ.

    Examples
    --------
    >>> import napari_localdisc as ld
    >>> from napari_localdisc.core.phantoms import xray_phantom
    >>> labels = ld.clusters(xray_phantom(0, 64).image, "chest-xray", k=4)
    >>> labels.shape, int(labels.max())
    ((64, 64), 4)
    """
    return drain(clusters_steps(image, encoder, k, seed, device), on_progress)


def clusters_steps(
    image: Pixels,
    encoder: AnyEncoder = None,
    k: int | None = None,
    seed: int = 0,
    device: str = "auto",
) -> Run[npt.NDArray[np.uint8]]:
    """Cluster an image as `clusters` does; a generator of `Progress` that returns the labels."""
    if k is not None and not 2 <= k <= _MOST_CLUSTERS:
        raise LocaldiscError(f"k is {k}; ask for 2 to {_MOST_CLUSTERS} clusters.")
    found = yield from cluster_map(image, encoder_for(image, encoder), resolve_device(device))
    if k is None:
        return found.labels
    field = found.labels > 0
    pixels = sample_pixels(field, SAMPLE, np.random.default_rng(seed))
    vectors = found.embedding.reshape(len(found.embedding), -1)[:, pixels].T
    return assign_to_centres(found.embedding, fit_spherical_kmeans(vectors, k, seed), field)
