"""Embeddings kept in memory, so that a second look at an image costs nothing."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock

import numpy as np
import numpy.typing as npt

from napari_localdisc.core.imaging.arrays import FloatMap

BUDGET = 2**30
"""Bytes of embeddings kept: some twenty images of 512 px with 48 dimensions."""


@dataclass(frozen=True, eq=False)
class EmbeddedPlane:
    """What an encoder makes of one image.

    Attributes
    ----------
    embedding : ndarray of float32, shape (D, H, W)
        Unit vectors along D.
    labels : ndarray of uint8, shape (H, W)
        Most likely cluster of the encoder's own, 1..M; 0 outside the field of view.
    """

    embedding: FloatMap
    labels: npt.NDArray[np.uint8]


class EmbeddingCache:
    """The embeddings used last, as many as a budget allows, but always the very last one.

    It may be filled in one thread and read in another. All are of one encoder: those of another
    are let go of.

    Parameters
    ----------
    budget : int
        Bytes.
    """

    def __init__(self, budget: int = BUDGET) -> None:
        self._budget = budget
        self._planes: OrderedDict[str, EmbeddedPlane] = OrderedDict()
        self._lock = Lock()
        self._encoder = ""

    def belong_to(self, encoder: str) -> None:
        """Keep the embeddings of an encoder, given by its digest, from now on."""
        with self._lock:
            if self._encoder != encoder:
                self._planes.clear()
                self._encoder = encoder

    def get(self, key: str) -> EmbeddedPlane | None:
        """Return what is kept under a key, if it still is."""
        with self._lock:
            if key in self._planes:
                self._planes.move_to_end(key)
            return self._planes.get(key)

    def put(self, key: str, plane: EmbeddedPlane) -> None:
        """Keep a plane, and let go of those not used for longest."""
        with self._lock:
            self._planes[key] = plane
            self._planes.move_to_end(key)
            while len(self._planes) > 1 and self._bytes() > self._budget:
                self._planes.popitem(last=False)

    def _bytes(self) -> int:
        return sum(plane.embedding.nbytes for plane in self._planes.values())


def fingerprint(pixels: npt.NDArray[np.generic]) -> str:
    """Name pixels by their content: a copy has the same name, an edited image another."""
    head = f"{pixels.shape} {pixels.dtype.str} ".encode()
    content = np.ascontiguousarray(pixels).reshape(-1).view(np.uint8)
    return hashlib.blake2b(
        head + hashlib.blake2b(content.data).digest(), digest_size=16
    ).hexdigest()
