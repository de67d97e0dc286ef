"""The smallest format: a line ``DUMMY width height``, then a byte for each pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.limits import check_pixels
from napari_localdisc.formats.decoding import decoding
from napari_localdisc.formats.format import Format, Pixels


class DummyGeometry:
    """Writes masks as the image is written."""

    suffix = ".dummy"
    shown_as_picture = True
    spacing = None
    notes = ()

    def save(self, labels: npt.NDArray[np.uint8], path: Path, _: Sequence[str] = ()) -> None:
        height, width = labels.shape
        path.write_bytes(b"DUMMY %d %d\n" % (width, height) + labels.tobytes())

    def save_shares(self, shares: npt.NDArray[np.uint8], path: Path) -> None:
        self.save(shares, path)


class Dummy(Format):
    """Grey images, row by row."""

    suffixes = (".dummy",)

    def recognises(self, _: Path, head: bytes, /) -> bool:
        return head.startswith(b"DUMMY ")

    def read(self, path: Path, /) -> tuple[Pixels, DummyGeometry]:
        with decoding(path):
            head, content = path.read_bytes().split(b"\n", 1)
            width, height = map(int, head.split()[1:])
            check_pixels(path, width, height)
            return np.frombuffer(content, np.uint8).reshape(height, width), DummyGeometry()

    def mask_suffix(self, _: Path, /) -> str:
        return DummyGeometry.suffix
