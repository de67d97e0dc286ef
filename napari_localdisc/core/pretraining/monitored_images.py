"""A few fixed images, looked at again and again while an encoder is trained."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_localdisc.core.encoder.card import EncoderCard
from napari_localdisc.core.encoder.embedding import embedding_picture
from napari_localdisc.core.pretraining.health import Health, measure_health
from napari_localdisc.core.pretraining.sampling.image_pool import ImagePool
from napari_localdisc.core.pretraining.training_step import TrainingStep

MONITORED = 4
"""Images that are watched."""

Bytes = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class TrainingPreview:
    """What an encoder makes of a few images by now: the payload of a progress event.

    Attributes
    ----------
    images : tuple of ndarray of uint8, shape (H, W, C)
    clusters : tuple of ndarray of uint8, shape (H, W)
        Most likely cluster, 1..M; 0 outside the field of view.
    embeddings : tuple of ndarray of uint8, shape (H, W, 3)
        Principal components of the embedding, the same for all the images.
    """

    images: tuple[Bytes, ...]
    clusters: tuple[Bytes, ...]
    embeddings: tuple[Bytes, ...]


@dataclass(frozen=True)
class MonitoredOutputs:
    """Both branches on the watched images, on the CPU: what health and pictures are made of."""

    pool: ImagePool
    embedding: Tensor
    memberships: Tensor
    fields: Tensor

    def health(self) -> Health:
        """Measure it on every third pixel each way, inside the field of view."""
        vectors, shares, fields = (
            x[..., ::3, ::3] for x in (self.embedding, self.memberships, self.fields)
        )
        inside = fields.flatten()
        return measure_health(
            vectors.movedim(1, -1).flatten(0, 2)[inside],
            shares.movedim(1, -1).flatten(0, 2)[inside],
        )

    def preview(self) -> TrainingPreview:
        """Picture it, without the canvas around the images."""
        labels = (self.memberships.argmax(dim=1) + 1) * self.fields
        fields = self.fields.numpy()
        pictures = np.zeros((*fields.shape, 3), np.uint8)
        # All at once, so that a colour means the same direction in every image.
        inside = self.embedding.movedim(1, 0)[:, self.fields].numpy()
        pictures[fields] = embedding_picture(inside[:, None])[0]
        places = [image.place(self.pool.size) for image in self.pool.images]
        return TrainingPreview(
            tuple(image.pixels for image in self.pool.images),
            tuple(x.byte().numpy()[place] for x, place in zip(labels, places, strict=True)),
            tuple(x[place] for x, place in zip(pictures, places, strict=True)),
        )


class MonitoredImages:
    """Looks at the first images of a pool.

    Parameters
    ----------
    pool : ImagePool
    card : EncoderCard
    stride : int
        Of the network: the canvas is made to fit it.
    """

    def __init__(self, pool: ImagePool, card: EncoderCard, stride: int) -> None:
        self.pool = ImagePool(pool.images[:MONITORED], -(-pool.size // stride) * stride)
        self.card = card

    @torch.no_grad()
    def outputs(self, training_step: TrainingStep) -> MonitoredOutputs:
        """Run the network as it is, one image at a time, and leave it in training mode."""
        training_step.network.eval()
        vectors, shares, fields = [], [], []
        for index in range(len(self.pool)):
            pixels, field = self.pool.take([index], training_step.device)
            embedding, memberships = training_step.branches(self.card.preprocessing(pixels, field))
            vectors.append(embedding.cpu())
            shares.append(memberships.cpu())
            fields.append(field[:, 0].cpu() > 0)
        training_step.network.train()
        return MonitoredOutputs(self.pool, torch.cat(vectors), torch.cat(shares), torch.cat(fields))
