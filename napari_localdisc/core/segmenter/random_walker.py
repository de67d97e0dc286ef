"""Borders that were left open, closed where the images show them, by random walks.

From every pixel that is undecided a walker sets out that crosses edges of the image unwillingly;
the pixel is given to what it most likely reaches first (Grady, "Random Walks for Image
Segmentation", IEEE TPAMI 28, 2006). Which of several open borders to close is decided by how well
the result shows in the images; no label is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from skimage.segmentation import random_walker
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.imaging.morphology import certain_off_borders
from napari_localdisc.core.losses.segmentation import IGNORE
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics
from napari_localdisc.core.segmenter.border_contrast import label_contrast
from napari_localdisc.core.segmenter.pixel_features import PixelSet

_UNWILLING = 250.0
"""Weight of edges; half or twice as much changes little."""
_WITHIN, _AROUND = 0.15, 0.25
"""How far inside and outside of where it was found a border may lie in truth, relative to the
structure's width: pointed corners stick out of rigid shapes, and networks round them."""
_NEARLY = 0.8
"""Factor by which borders on edges must show at least, beside those that a network found."""


class RandomWalkerBorders:
    """Closes the open borders of labels.

    Parameters
    ----------
    pixels : PixelSet
    targets : int
        How many.
    """

    def __init__(self, pixels: PixelSet, targets: int) -> None:
        self.pixels, self.targets = pixels, targets
        self._first: Tensor | None = None

    def close(self, posed: Tensor, choices: Sequence[Tensor]) -> Run[Tensor | None]:
        """Close each of several open borders; the one that shows best is kept.

        Parameters
        ----------
        posed : Tensor of int8, shape (n, S, S)
            Labels whose borders are to be bettered.
        choices : sequence of Tensor of int8, shape (n, S, S)
            Labels, -1 where undecided.

        Yields
        ------
        Progress
            Per image.

        Returns
        -------
        Tensor of int8, shape (n, S, S), or None
            Labels whose borders show best; -1 is left only in images that `random_walker_labels`
            leaves as they are. None if none show better than the posed ones.
        """
        best, shown = None, self._contrast(posed)
        for number, labels in enumerate(choices):
            closed = yield from self._walk(labels, number * len(labels), len(choices) * len(labels))
            contrast = self._contrast(closed)
            if contrast > shown:
                best, shown = closed, contrast
                self._first = closed[0]
        return best

    def first_image_probabilities(self) -> Tensor | None:
        """Return the best so far of the first image, shape (K, S, S)."""
        if self._first is None:
            return None
        return torch.stack([self._first == target + 1 for target in range(self.targets)]).float()

    def _walk(self, labels: Tensor, done: int, total: int) -> Run[Tensor]:
        closed = []
        for index, seeds in enumerate(labels.cpu().numpy()):
            image = self.pixels.normalised[index].double().cpu().numpy()
            closed.append(torch.from_numpy(random_walker_labels(image, seeds)))
            yield Progress("trace", done + index + 1, total)
        return torch.stack(closed).to(labels.device)

    def _contrast(self, labels: Tensor) -> float:
        return label_contrast(labels, self.targets, self.pixels)


def border_band(statistics: ShapeStatistics, size: int) -> tuple[int, int]:
    """Pixels inside and outside of a border that are left open on a canvas of a side."""
    return statistics.pixels(_WITHIN, size), statistics.pixels(_AROUND, size)


def refine_borders(
    labels: npt.NDArray[np.uint8], shape_statistics: Sequence[ShapeStatistics], pixels: PixelSet
) -> Run[npt.NDArray[np.uint8] | None]:
    """Move the borders of compact targets to edges of their images, if they show about as well.

    Where edges are faint, or others are near, a network that has seen many images knows better.

    Parameters
    ----------
    labels : ndarray of uint8, shape (n, S, S)
    shape_statistics : sequence of ShapeStatistics
        Per target.
    pixels : PixelSet

    Yields
    ------
    Progress
        Per image.
    """
    moved = []
    for index, one in enumerate(labels):
        moved.append(
            random_walker_borders(
                one, pixels.normalised[index], pixels.fields[index], shape_statistics
            )
        )
        yield Progress("trace", index + 1, len(labels))
    found = np.stack(moved)
    device = pixels.fields.device
    before, after = (
        label_contrast(torch.from_numpy(each).to(device), len(shape_statistics), pixels)
        for each in (labels, found)
    )
    return found if after >= _NEARLY * before else None


def random_walker_borders(
    labels: npt.NDArray[np.uint8],
    image: Tensor,
    field: Tensor,
    shape_statistics: Sequence[ShapeStatistics],
) -> npt.NDArray[np.uint8]:
    """Move the borders of compact targets to edges of the image that are near.

    Parameters
    ----------
    labels : ndarray of uint8, shape (S, S)
        As `postprocess` makes them.
    image : Tensor, shape (C, S, S)
        Normalised channels.
    field : Tensor of bool, shape (S, S)
    shape_statistics : sequence of ShapeStatistics
        Per target.
    """
    masks = torch.from_numpy(np.stack([labels == k + 1 for k in range(len(shape_statistics))]))
    pairs = zip(masks[:, None], shape_statistics, strict=True)
    sure = [
        certain_off_borders(mask, mask, *border_band(statistics, len(labels)))
        for mask, statistics in pairs
    ]
    decided = torch.cat(sure).all(dim=0) | ~field.cpu()
    seeds = np.where(decided.numpy(), labels.astype(np.int8), IGNORE)
    closed = random_walker_labels(image.double().cpu().numpy(), seeds)
    closed = np.where(closed == IGNORE, labels, closed)
    found = np.zeros_like(labels)
    for target, statistics in enumerate(shape_statistics, start=1):
        found[statistics.tidy(closed == target)] = target
    return found


def random_walker_labels(
    image: npt.NDArray[np.float64], labels: npt.NDArray[np.int8]
) -> npt.NDArray[np.int8]:
    """Decide the undecided pixels of one image.

    Parameters
    ----------
    image : ndarray of float64, shape (C, H, W)
    labels : ndarray of int8, shape (H, W)
        -1 where undecided.

    Returns
    -------
    ndarray of int8, shape (H, W)
        As given where the image is flat, everything is decided, or nothing tells two labels apart.
    """
    values, seeds = np.unique(labels, return_inverse=True)
    if image.std() == 0 or values[0] != IGNORE or len(values) < 3:
        return labels
    reached = random_walker(
        np.moveaxis(image, 0, -1),
        seeds.reshape(labels.shape),
        beta=_UNWILLING,
        mode="bf",  # exact; conjugate gradients go astray where edges are strong
        channel_axis=-1,
    )
    found: npt.NDArray[np.int8] = values[reached]
    return found
