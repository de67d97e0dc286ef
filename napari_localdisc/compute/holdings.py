"""What the process that computes holds between two calls: an encoder, a segmenter, embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.compute.results import HeldEncoder
from napari_localdisc.core.encoder.card import shipped_encoders
from napari_localdisc.core.encoder.embedding_cache import EmbeddingCache
from napari_localdisc.core.encoder.encoder import encoder_digest
from napari_localdisc.core.segmenter.segmenter import Segmenter
from napari_localdisc.files.fingerprint import Fingerprint
from napari_localdisc.stores.segmenter_files import SegmenterFile
from napari_localdisc.stores.segmenters import load_content
from napari_localdisc.tasks import encoder as encoders


class Holdings:
    """The encoder, the segmenter and the embeddings that were used last."""

    def __init__(self) -> None:
        self.embeddings = EmbeddingCache()
        self._encoder: encoders.HeldEncoder | None = None
        self._mark: Fingerprint | None = None
        self._segmenter: tuple[bytes, Segmenter] | None = None

    def choice(self, name: str, seed: int = 0) -> encoders.EncoderChoice:
        """Tell a task which encoder to use, and that it need not load the one in memory again.

        Parameters
        ----------
        name : str
            A shipped name, a path, ``"auto"`` or ``"random"``.
        seed : int
            Of untrained weights.
        """
        held = self._encoder
        if held is not None and _mark(held.name) != self._mark:  # another file by now
            held = None
        return encoders.EncoderChoice(name, held, seed)

    def obtain(
        self, name: str, image: npt.NDArray[np.generic] | None
    ) -> tuple[HeldEncoder, encoders.HeldEncoder]:
        """Return an encoder, loaded only if it is not the one in memory.

        Raises
        ------
        LocaldiscError
            If it cannot be loaded, or there is no image where one is to choose it.
        """
        held = self.choice(name).obtain(image)
        return self.keep(held), held

    def keep(self, held: encoders.HeldEncoder) -> HeldEncoder:
        """Keep an encoder in memory; returns what the window may know of it."""
        self._encoder, self._mark = held, _mark(held.name)
        return HeldEncoder(held.name, held.encoder.card, encoder_digest(held.encoder))

    def segmenter(self, file: SegmenterFile) -> Segmenter:
        """Return the segmenter of a file's content, built only if it is not the one in memory.

        Raises
        ------
        LocaldiscError
            If the content is damaged.
        """
        if self._segmenter is None or self._segmenter[0] != file.content:
            self._segmenter = (file.content, load_content(file.content, Path("in use")))
        return self._segmenter[1]


HOLDINGS = Holdings()


def _mark(name: str) -> Fingerprint | None:
    path = Path(name)
    return Fingerprint.of(path) if name not in shipped_encoders() and path.is_file() else None
