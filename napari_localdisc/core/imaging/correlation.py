"""Cross-correlation of maps in the Fourier domain."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def padded_spectrum(x: Tensor) -> Tensor:
    """Spectra of maps (..., S, S), padded to twice the side so that shifts do not wrap around."""
    side = x.shape[-1]
    spectrum: Tensor = torch.fft.rfft2(x, s=(2 * side, 2 * side))
    return spectrum


def signed_shifts(place: Tensor, side: int) -> Tensor:
    """Shifts of rows and columns, below `side` either way, of places in flat padded maps.

    Parameters
    ----------
    place : Tensor of int64, shape (N,)
        Indices into a flattened map (2 S, 2 S).
    side : int
        S.

    Returns
    -------
    Tensor of int64, shape (N, 2)
    """
    shifts = torch.stack([place // (2 * side), place % (2 * side)], dim=1)
    return torch.where(shifts >= side, shifts - 2 * side, shifts)


def shifted(planes: Tensor, rows: int, columns: int) -> Tensor:
    """Shift planes (K, S, S) by whole pixels, at most S; zero where nothing was."""
    side = planes.shape[-1]
    padded = F.pad(planes, (side,) * 4)
    return padded[:, side - rows : 2 * side - rows, side - columns : 2 * side - columns]
