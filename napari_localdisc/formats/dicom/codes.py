"""How segments are coded: by SNOMED CT as far as DICOM's own tables go, by free text beyond."""

from __future__ import annotations

import importlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Structure:
    """A structure as DICOM codes it.

    Attributes
    ----------
    kind : str
        Keyword of its code in pydicom's tables of SNOMED CT.
    colour : tuple of int
        In which viewers are to show it: red, green and blue, of 255.
    region : str
        Keyword of what it lies in, where `kind` alone does not say it.
    """

    kind: str
    colour: tuple[int, int, int]
    region: str = ""


OTHER = Structure("AnatomicalStructure", (230, 159, 0))
"""What has no code of its own; the segment's label says what it is."""

STRUCTURES: Mapping[str, Structure] = {
    "lung": Structure("Lung", (197, 165, 145)),
    "heart": Structure("Heart", (206, 110, 84)),
    "optic disc": Structure("OpticNerveHead", (244, 214, 49)),
    "optic cup": Structure("AnatomicalStructure", (240, 128, 48), "OpticNerveHead"),
    "retinal vessel": Structure("BloodVessel", (216, 101, 79), "Retina"),
    "fovea": Structure("FoveaCentralis", (111, 184, 210)),
}

_OTHER_NAMES = {
    "lungs": "lung", "cup": "optic cup", "disc": "optic disc", "optic disk": "optic disc",
    "disk": "optic disc", "vessel": "retinal vessel", "vessels": "retinal vessel",
    "retinal vessels": "retinal vessel", "fovea centralis": "fovea",
}  # fmt: skip


def structure_of(name: str) -> Structure:
    """Find the structure that a target's name means; `OTHER` if it is none of these."""
    plain = re.sub(r"[\W_]+", " ", name).strip().lower()
    return STRUCTURES.get(_OTHER_NAMES.get(plain, plain), OTHER)


def code_of(keyword: str) -> Any:
    """Find a code of SNOMED CT by its keyword."""
    return getattr(importlib.import_module("pydicom.sr.codedict").codes.SCT, keyword)


def colour_of(structure: Structure) -> Any:
    """Make the colour of a structure as DICOM has it, in CIELab."""
    return importlib.import_module("highdicom.color").CIELabColor.from_rgb(*structure.colour)
