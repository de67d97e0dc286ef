"""Borders by the random walker: open borders closed along the edges of the images.

From every pixel that is undecided a walker sets out that crosses edges of the image unwillingly;
the pixel is given to what it most likely reaches first (Grady, "Random Walks for Image
Segmentation", IEEE TPAMI 28, 2006). Of several open borders the one is kept that has the highest
contrast in the images once it is closed; no label is needed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy import sparse
from scipy.sparse.linalg import splu
from skimage.segmentation import random_walker
from torch import Tensor

from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.core.imaging.morphology import certain_off_borders
from napari_localdisc.core.losses.segmentation import IGNORE
from napari_localdisc.core.priors.shape_statistics import ShapeStatistics
from napari_localdisc.core.segmenter.border_contrast import label_contrast
from napari_localdisc.core.segmenter.pixel_features import PixelSet

_EDGE_WEIGHT = 250.0
"""Weight of edges; half or twice as much changes little."""
_LEAST_TIE, _LEAST_PULL = 1e-4, 1e-5
"""Ties across the strongest edge, and the pull of pixels of which nothing is known."""
_WITHIN, _AROUND = 0.15, 0.25
"""How far inside and outside of a given border the true one may lie, relative to the structure's
width: pointed corners stick out of rigid shapes, and networks round them."""
_LEAST_CONTRAST = 0.8
"""Least contrast of moved borders, relative to that of the borders that a network found."""


class RandomWalkerBorders:
    """Closes the open borders of labels by the random walker.

    Parameters
    ----------
    pixels : PixelSet
    targets : int
        How many.
    """

    def __init__(self, pixels: PixelSet, targets: int) -> None:
        self.pixels, self.targets = pixels, targets
        self._first: Tensor | None = None

    def close(self, given: Tensor, choices: Sequence[Tensor]) -> Run[Tensor | None]:
        """Close each of several open borders; the one with the highest contrast is kept.

        Parameters
        ----------
        given : Tensor of int8, shape (n, S, S)
            Labels whose borders are to be improved.
        choices : sequence of Tensor of int8, shape (n, S, S)
            Labels, -1 where undecided.

        Yields
        ------
        Progress
            Per image.

        Returns
        -------
        Tensor of int8, shape (n, S, S), or None
            Labels whose borders have the highest contrast; -1 is left only in images that
            `random_walker_labels` leaves as they are. None if none has more than the given ones.
        """
        best, shown = None, self._contrast(given)
        for number, labels in enumerate(choices):
            closed = yield from self._walk(labels, number * len(labels), len(choices) * len(labels))
            contrast = self._contrast(closed)
            if contrast > shown:
                best, shown = closed, contrast
                self._first = closed[0]
        return best

    def first_image_probabilities(self) -> Tensor | None:
        """Masks of the best labels so far on the first image, shape (K, S, S), or None."""
        if self._first is None:
            return None
        return torch.stack([self._first == target + 1 for target in range(self.targets)]).float()

    def _walk(self, labels: Tensor, done: int, total: int) -> Run[Tensor]:
        closed = []
        for index, seeds in enumerate(labels.cpu().numpy()):
            image = self.pixels.normalised[index].cpu().double().numpy()
            closed.append(torch.from_numpy(random_walker_labels(image, seeds)))
            yield Progress("trace", done + index + 1, total)
        return torch.stack(closed).to(labels.device)

    def _contrast(self, labels: Tensor) -> float:
        return label_contrast(labels, self.targets, self.pixels)


def border_band(statistics: ShapeStatistics, size: int) -> tuple[int, int]:
    """Width in pixels, inside and outside, of the open band along a border on a canvas."""
    return statistics.pixels(_WITHIN, size), statistics.pixels(_AROUND, size)


def refine_borders(
    labels: npt.NDArray[np.uint8], shape_statistics: Sequence[ShapeStatistics], pixels: PixelSet
) -> Run[npt.NDArray[np.uint8] | None]:
    """Move the borders of compact targets by the random walker, if their contrast is about as high.

    Where edges are faint, or others are near, the borders of a network are better.

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
    return found if after >= _LEAST_CONTRAST * before else None


def random_walker_borders(
    labels: npt.NDArray[np.uint8],
    image: Tensor,
    field: Tensor,
    shape_statistics: Sequence[ShapeStatistics],
) -> npt.NDArray[np.uint8]:
    """Move the borders of compact targets to near edges of the image by the random walker.

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
    closed = random_walker_labels(image.cpu().double().numpy(), seeds)
    closed = np.where(closed == IGNORE, labels, closed)
    found = np.zeros_like(labels)
    for target, statistics in enumerate(shape_statistics, start=1):
        found[statistics.tidy(closed == target)] = target
    return found


def random_walker_labels(
    image: npt.NDArray[np.float64], labels: npt.NDArray[np.int8]
) -> npt.NDArray[np.int8]:
    """Label the undecided pixels of one image by the random walker.

    Parameters
    ----------
    image : ndarray of float64, shape (C, H, W)
    labels : ndarray of int8, shape (H, W)
        -1 where undecided.

    Returns
    -------
    ndarray of int8, shape (H, W)
        As given where the image is flat, everything is decided, or there are fewer than two labels.
    """
    values, seeds = np.unique(labels, return_inverse=True)
    if image.std() == 0 or values[0] != IGNORE or len(values) < 3:
        return labels
    reached = random_walker(
        np.moveaxis(image, 0, -1),
        seeds.reshape(labels.shape),
        beta=_EDGE_WEIGHT,
        mode="bf",  # exact; conjugate gradients go astray where edges are strong
        channel_axis=-1,
    )
    found: npt.NDArray[np.int8] = values[reached]
    return found


def random_walker_with_priors(
    image: npt.NDArray[np.float64], priors: npt.NDArray[np.float64], weight: float
) -> npt.NDArray[np.float64]:
    """Probabilities of labels by the random walker with priors instead of seeds.

    Walkers end at any pixel, the sooner the surer its label is (Grady, "Multilabel Random Walker
    Image Segmentation Using Prior Models", CVPR 2005).

    Parameters
    ----------
    image : ndarray of float64, shape (C, H, W)
    priors : ndarray of float64, shape (L, H, W)
        Prior probabilities of L labels; they sum to 1.
    weight : float
        Of a pixel whose label is sure, relative to the tie of two pixels that look alike.

    Returns
    -------
    ndarray of float64, shape (L, H, W)
        The priors where the image is flat.
    """
    if image.std() == 0:
        return priors
    winner, best = priors.argmax(axis=0), priors.max(axis=0)
    sure = ((best - 1 / len(priors)) / (1 - 1 / len(priors))) ** 2
    pull = (weight * sure + _LEAST_PULL).ravel()
    given = (winner.ravel() == np.arange(len(priors))[:, None]) * pull
    solve = splu(sparse.csc_matrix(_laplacian(image) + sparse.diags(pull))).solve
    return np.stack([solve(one) for one in given]).reshape(priors.shape)


def _laplacian(image: npt.NDArray[np.float64]) -> sparse.csr_matrix:
    """Graph Laplacian (H W, H W) of a grid whose ties are weak across the edges of an image."""
    numbers = np.arange(image[0].size).reshape(image.shape[1:])
    scale = _EDGE_WEIGHT / (10 * image.std())
    down = np.exp(-scale * np.square(np.diff(image, axis=1)).sum(axis=0)).ravel()
    right = np.exp(-scale * np.square(np.diff(image, axis=2)).sum(axis=0)).ravel()
    one = np.concatenate([numbers[:-1].ravel(), numbers[:, :-1].ravel()])
    other = np.concatenate([numbers[1:].ravel(), numbers[:, 1:].ravel()])
    ties = np.concatenate([down, right]) + _LEAST_TIE
    graph = sparse.coo_matrix((ties, (one, other)), shape=(numbers.size, numbers.size))
    both = graph + graph.T
    return sparse.csr_matrix(sparse.diags(np.asarray(both.sum(axis=1)).ravel()) - both)
