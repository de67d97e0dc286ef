"""What was found in an image, or in the planes of a stack."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from napari_localdisc.base.errors import LocaldiscError

Pixels = npt.NDArray[np.generic]
Canvas = npt.NDArray[np.float32]

LOW_CONFIDENCE = 0.2
"""Mean confidence below which masks are not to be relied on."""


@dataclass(frozen=True)
class Segmentation:
    """One segmented image.

    Attributes
    ----------
    labels : ndarray of uint8, shape (H, W), or (N, H, W) of a stack
        0 background, 1..K targets.
    confidence : ndarray of float32, of the same shape
        Probability of the label that a pixel was given, in [0, 1].
    score : float
        Expected Dice of the mask under the probabilities, in [0, 1]; 0 where nothing was found. Of
        a stack the mean over its planes, weighted by what was found in them.
    targets : tuple of str
        Names of the K targets; label k is ``targets[k - 1]``.
    canvas : tuple of (ndarray of float32, shape (K + 1, S, S), or None)
        Class probabilities of the image, or of each plane of a stack, on the square canvas that the
        network saw; None for a plane that shows nothing. Empty if they were not kept.
    """

    labels: npt.NDArray[np.uint8]
    confidence: npt.NDArray[np.float32]
    score: float
    targets: tuple[str, ...]
    canvas: tuple[Canvas | None, ...] = field(default=(), repr=False)

    @property
    def probabilities(self) -> npt.NDArray[np.float32]:
        """Class probabilities at the image's size, computed from the canvas at every call.

        Returns
        -------
        ndarray of float32, shape (K + 1, H, W), or (N, K + 1, H, W) of a stack
            They sum to 1 over the classes; class 0 is the background.

        Raises
        ------
        LocaldiscError
            If they were not kept.
        """
        if not self.canvas:
            raise LocaldiscError(
                "the probabilities of this segmentation were not kept; segment the image again"
                " with keep_probabilities=True."
            )
        shape = self.labels.shape[-2:]
        found = np.zeros((len(self.canvas), len(self.targets) + 1, *shape), np.float32)
        found[:, 0] = 1
        for plane, kept in zip(found, self.canvas, strict=True):
            if kept is not None:
                plane[:] = _at_size(kept, (shape[0], shape[1]))
        return found if self.labels.ndim == 3 else found[0]


def _at_size(kept: Canvas, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Bring probabilities (K + 1, S, S) from the canvas to an image's size."""
    import torch

    from napari_localdisc.core.imaging.canvas import Canvas

    lifted = Canvas(shape, kept.shape[-1]).from_canvas(torch.from_numpy(kept)[None])
    return np.asarray(lifted[0].numpy(), np.float32)


def segment_planes(
    planes: Pixels,
    segment: Callable[[Sequence[Pixels]], Sequence[Segmentation]],
    at_once: int,
    targets: tuple[str, ...],
    keep_probabilities: bool,
) -> Segmentation:
    """Segment a stack; planes that show nothing hold nothing.

    Parameters
    ----------
    planes : ndarray, shape (N, H, W, C), C in {1, 3}
    segment : callable
        Segments some planes.
    at_once : int
        How many it is given.
    targets : tuple of str
        Names of what it finds.
    keep_probabilities : bool
        Whether it keeps them, and so does the stack.

    Raises
    ------
    LocaldiscError
        If the array is not a stack.
    """
    if planes.shape[-1] not in (1, 3):
        raise LocaldiscError(
            f"stack has shape {planes.shape}; expected (planes, height, width, 1 or 3): give"
            " grey or RGB planes."
        )
    found = Segmentation(
        np.zeros(planes.shape[:3], np.uint8), np.ones(planes.shape[:3], np.float32), 0.0, targets
    )
    canvas: list[Canvas | None] = [None] * len(planes)
    shown = [index for index, plane in enumerate(planes) if _shows_something(plane)]
    score, area = 0.0, 0
    for some in _parts(shown, at_once):
        for index, one in zip(some, segment([planes[index] for index in some]), strict=True):
            found.labels[index], found.confidence[index] = one.labels, one.confidence
            canvas[index] = one.canvas[0] if one.canvas else None
            own = int((one.labels > 0).sum())
            score, area = score + one.score * own, area + own
    kept = tuple(canvas) if keep_probabilities else ()
    return replace(found, score=score / area if area else 0.0, canvas=kept)


def _parts(indices: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    return (indices[start : start + size] for start in range(0, len(indices), size))


def _shows_something(plane: Pixels) -> bool:
    """Whether a plane (H, W, C) has finite pixels, and not all the same."""
    finite = plane[np.isfinite(plane)]
    return bool(finite.size) and bool((finite != finite[0]).any())


def low_confidence(mean: float) -> str:
    """Say that masks are not to be relied on."""
    return (
        f"the mean confidence is very low ({mean:.2f}): look at the masks before you use them, and"
        " check that the images show the structure."
    )
