"""What is measured: the mask of one target, its spacing, and the image beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from skimage.measure import label, regionprops_table

_MILLIMETRES = {"nm": 1e-6, "um": 1e-3, "µm": 1e-3, "mm": 1.0, "cm": 10.0, "m": 1000.0}
_ML = 1000.0
"""Cubic millimetres in a millilitre."""

LUMINANCE = (0.299, 0.587, 0.114)
"""Weights of red, green and blue in the brightness of a pixel."""


@dataclass(frozen=True)
class Scale:
    """How large a pixel is.

    Attributes
    ----------
    spacing : tuple of float
        Distance between the centres of neighbouring pixels along each axis; ones if not known.
    unit : str
        Of the spacing; ``"px"`` if not known.
    """

    spacing: tuple[float, ...]
    unit: str

    @property
    def is_known(self) -> bool:
        """Whether the spacing is known."""
        return self.unit != "px"

    @property
    def area_unit(self) -> str:
        """Unit of areas."""
        return f"{self.unit}²" if self.is_known else "px"

    @property
    def volume_unit(self) -> str:
        """Unit of volumes: millilitres where the unit of the spacing is metric."""
        if not self.is_known:
            return "px"
        return "ml" if self.unit in _MILLIMETRES else f"{self.unit}³"

    def volume(self, pixels: float) -> float:
        """Volume of a number of pixels, in the unit of volumes."""
        cubes = pixels * float(np.prod(self.spacing))
        millimetres = _MILLIMETRES.get(self.unit)
        return cubes if millimetres is None else cubes * millimetres**3 / _ML

    @property
    def size_unit(self) -> str:
        """Unit of sizes: of areas in a plane, of volumes in a stack."""
        return self.area_unit if len(self.spacing) == 2 else self.volume_unit

    def size(self, pixels: float) -> float:
        """Area of a number of pixels of a plane, or volume of a stack's."""
        if len(self.spacing) == 2:
            return pixels * float(np.prod(self.spacing))
        return self.volume(pixels)


def is_cut(mask: npt.NDArray[np.bool_]) -> bool:
    """Whether a mask reaches the border of its frame, or an end of its stack of several planes.

    Parameters
    ----------
    mask : ndarray of bool, shape (H, W) or (N, H, W)
    """
    return any(
        bool(np.take(mask, (0, -1), axis).any())
        for axis, length in enumerate(mask.shape)
        if length > 1
    )


@dataclass(frozen=True, eq=False)
class Structure:
    """One target of a label map.

    Attributes
    ----------
    target : str
    mask : ndarray of bool, shape (H, W), or (N, H, W) of a stack
    scale : Scale
    image : ndarray, shape (H, W) or (N, H, W), with a last axis of 3 for RGB, or None
        What the mask was found in.
    """

    target: str
    mask: npt.NDArray[np.bool_]
    scale: Scale
    image: npt.NDArray[np.generic] | None = None

    @property
    def is_stack(self) -> bool:
        """Whether it has three axes."""
        return self.mask.ndim == 3

    @cached_property
    def pixels(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.mask))

    def region(self, name: str, in_pixels: bool = False) -> list[float]:
        """Take a property of the whole mask, by its name in `skimage.measure.regionprops_table`.

        Parameters
        ----------
        name : str
        in_pixels : bool
            Leave the spacing out.

        Returns
        -------
        list of float
            One number, or one for each axis; none if the mask is empty.
        """
        spacing = (1.0,) * self.mask.ndim if in_pixels else self.scale.spacing
        return _columns(self.mask.astype(np.uint8), name, spacing, self._grey(name))

    @cached_property
    def part_sizes(self) -> npt.NDArray[np.int64]:
        """Pixels of each connected part, diagonal neighbours being connected."""
        parts = label(self.mask, connectivity=self.mask.ndim)
        table = regionprops_table(parts, properties=("num_pixels",))
        return np.asarray(table["num_pixels"], np.int64)

    def _grey(self, name: str) -> npt.NDArray[np.float64] | None:
        if self.image is None or not name.startswith("intensity"):
            return None
        pixels = self.image.astype(np.float64)
        return pixels if pixels.ndim == self.mask.ndim else pixels @ np.array(LUMINANCE)


def _columns(
    labels: npt.NDArray[np.uint8],
    name: str,
    spacing: Sequence[float],
    image: npt.NDArray[np.float64] | None,
) -> list[float]:
    table: dict[str, Any] = regionprops_table(labels, image, (name,), spacing=tuple(spacing))
    return [float(column[0]) for column in table.values() if len(column)]
