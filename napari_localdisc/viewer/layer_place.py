"""Where a layer lies in the world, for files that can say so. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pint

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.nifti import NiftiGeometry, placed

if TYPE_CHECKING:
    from napari.layers import Layer

_LENGTH, _PIXEL = "[length]", "[printing_unit]"


@dataclass(frozen=True)
class LayerPlace:
    """The affine map from a layer's pixels to its world, and what the world is measured in.

    Attributes
    ----------
    matrix : ndarray of float, shape (ndim + 1, ndim + 1)
        In napari's order of axes.
    units : tuple of pint.Unit
    """

    matrix: npt.NDArray[np.float64]
    units: tuple[pint.Unit, ...]

    @classmethod
    def of(cls, layer: Layer) -> LayerPlace:
        """Return where a layer lies at this moment."""
        origin = np.asarray(layer.data_to_world(np.zeros(layer.ndim)))
        matrix = np.eye(layer.ndim + 1)
        for axis, unit in enumerate(np.eye(layer.ndim)):
            matrix[:-1, axis] = np.asarray(layer.data_to_world(unit)) - origin
        matrix[:-1, -1] = origin
        return cls(matrix, tuple(layer.units))

    @property
    def is_plain(self) -> bool:
        """Whether it says nothing that the pixels do not: rows and columns of a grid of pixels."""
        linear, in_plane = self.matrix[:-1, :-1], self.matrix[-3:-1, -1]
        is_grid = np.allclose(linear, np.eye(len(linear))) and np.allclose(in_plane, 0)
        return is_grid and not any(_LENGTH in unit.dimensionality for unit in self.units)

    @property
    def is_metric(self) -> bool:
        """Whether all axes are lengths."""
        return all(_LENGTH in unit.dimensionality for unit in self.units)

    def as_nifti(self, shape: tuple[int, ...]) -> NiftiGeometry:
        """Return the same place for a NIfTI file of labels of a shape, lengths in millimetres.

        Raises
        ------
        LocaldiscError
            If it has more than three axes, or they are neither all lengths nor all of pixels.
        """
        if len(self.units) > 3:
            raise LocaldiscError(
                f"it has {len(self.units)} axes and NIfTI places three; save a volume of it on its"
                " own."
            )
        of_pixels = all(set(unit.dimensionality) <= {_PIXEL} for unit in self.units)
        if not (self.is_metric or of_pixels):
            named = ", ".join(map(str, self.units))
            raise LocaldiscError(
                f"its axes are in {named} and NIfTI places lengths only; give all of them units of"
                " length, or pixels."
            )
        scaled = self.matrix.copy()
        if self.is_metric:
            scaled[:-1] *= np.array([(1 * unit).to("mm").magnitude for unit in self.units])[:, None]
        return placed(scaled, shape, is_mm=self.is_metric)
