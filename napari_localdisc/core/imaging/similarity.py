"""Similarity transforms of maps: shifts, sizes and angles about a given centre."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def to_frame(x: Tensor, poses: Tensor, centre: Tensor) -> Tensor:
    """Resample maps so that what has a pose comes to lie at the centre, upright and at size 1.

    Parameters
    ----------
    x : Tensor of float32, shape (N, C, S, S)
    poses : Tensor, shape (N, 4)
        Shifts of rows and columns from the centre in shares of the side, logarithm of the size,
        and angle in radians.
    centre : Tensor, shape (2,)
        Row and column in shares of the side.

    Returns
    -------
    Tensor of float32, shape (N, C, S, S)
        Interpolated bilinearly, zero where the map ends.
    """
    return _sample(x, _matrices(poses, centre))


def from_frame(x: Tensor, poses: Tensor, centre: Tensor) -> Tensor:
    """Resample maps so that what lies at the centre comes to have a pose: undoes `to_frame`."""
    return _sample(x, torch.linalg.inv(_matrices(poses, centre)))


def _matrices(poses: Tensor, centre: Tensor) -> Tensor:
    """From coordinates of the frame to those of the map, in [-1, 1], shape (N, 3, 3)."""
    row, column = (2 * centre - 1).tolist()
    size = poses[:, 2].exp()
    cosine, sine = size * poses[:, 3].cos(), size * poses[:, 3].sin()
    matrices = torch.zeros(len(poses), 3, 3, device=poses.device)
    matrices[:, 0, 0], matrices[:, 0, 1] = cosine, -sine
    matrices[:, 1, 0], matrices[:, 1, 1] = sine, cosine
    matrices[:, 0, 2] = column + 2 * poses[:, 1] - (cosine * column - sine * row)
    matrices[:, 1, 2] = row + 2 * poses[:, 0] - (sine * column + cosine * row)
    matrices[:, 2, 2] = 1
    return matrices


def _sample(x: Tensor, matrices: Tensor) -> Tensor:
    grid = F.affine_grid(matrices[:, :2], list(x.shape), align_corners=False)
    return F.grid_sample(x, grid, align_corners=False)
