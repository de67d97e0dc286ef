"""Measurements: a number with a name and a unit, and how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from napari_localdisc.core.measurements.structure import Scale, Structure


@dataclass(frozen=True)
class Measured:
    """A number that was measured.

    Attributes
    ----------
    target : str
    name : str
    value : float
        NaN where an empty mask has no such number.
    unit : str
        Empty for a number without unit.
    """

    target: str
    name: str
    value: float
    unit: str


@dataclass(frozen=True)
class Measurement:
    """How one number is measured.

    Attributes
    ----------
    name : str
        As reports name it.
    unit : str
        With ``{length}``, ``{area}`` or ``{volume}`` where it follows the unit of the spacing.
    compute : callable
        From a structure to the number, in that unit.
    axes : tuple of int
        Of masks with so many axes: 2 for images, 3 for stacks.
    of_empty : bool
        Whether an empty mask has this number, too.
    needs_spacing, needs_image : bool
        Only where the spacing is known, or the image is given.
    targets : frozenset of str
        Structures that it describes, by the names of targets; any if empty.
    """

    name: str
    unit: str
    compute: Callable[[Structure], float]
    axes: tuple[int, ...] = (2, 3)
    of_empty: bool = False
    needs_spacing: bool = False
    needs_image: bool = False
    targets: frozenset[str] = frozenset()

    def applies_to(self, structure: Structure) -> bool:
        """Whether a structure has this number."""
        return (
            structure.mask.ndim in self.axes
            and (structure.scale.is_known or not self.needs_spacing)
            and (structure.image is not None or not self.needs_image)
            and (not self.targets or structure.target in self.targets)
        )

    def measure(self, structure: Structure) -> Measured:
        """Measure a structure."""
        has_one = structure.pixels > 0 or self.of_empty
        value = float(self.compute(structure)) if has_one else float("nan")
        return Measured(structure.target, self.name, value, self.unit_for(structure.scale))

    def unit_for(self, scale: Scale) -> str:
        """Write out its unit."""
        return self.unit.format(length=scale.unit, area=scale.area_unit, volume=scale.volume_unit)
