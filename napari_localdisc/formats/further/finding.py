"""What was found in an image, for outputs beside its mask."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.formats.further.outlines import Part, parts_of
from napari_localdisc.formats.images import Image


@dataclass(frozen=True)
class Finding:
    """What was found in an image.

    Attributes
    ----------
    image : Image
    labels : ndarray of uint8, shape (H, W), or (N, H, W) of a stack
    confidence : ndarray of float, of the same shape
        Probability of the label of each pixel, in [0, 1].
    targets : sequence of str
        Names of labels 1, 2, ...
    """

    image: Image
    labels: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.floating[Any]]
    targets: Sequence[str]

    def parts(self) -> Iterator[tuple[int, int, Part]]:
        """List the parts: the number of the plane, the label, and the part."""
        return parts_in(self.labels, len(self.targets))


def parts_in(labels: npt.NDArray[np.uint8], targets: int) -> Iterator[tuple[int, int, Part]]:
    """List the parts of each target in each plane of labels (H, W) or (N, H, W)."""
    for plane, flat in enumerate(labels.reshape((-1, *labels.shape[-2:]))):
        for label in range(1, targets + 1):
            for part in parts_of(flat == label):
                yield plane, label, part
