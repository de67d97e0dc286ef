"""How often the fovea is one blob, two to three disc diameters temporal of the optic disc.

There are no masks of foveas to score against: anatomy is what the result can be held to. The
photographs are centred on the macula, so temporal is the side of the disc with more of the image.

python benchmarks/fovea.py MASKS    (of napari-localdisc segment IMAGES -o MASKS --prior fovea)
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from skimage.io import imread
from skimage.measure import label

from napari_localdisc.formats.masks import find_masks

DISC, FOVEA = 1, 2
NEAREST, FARTHEST = 2.0, 3.0


@dataclass(frozen=True)
class Place:
    """Where the fovea of a mask is.

    Attributes
    ----------
    blobs : int
        Connected parts of the fovea.
    distance : float
        From the disc's centre to the fovea's, in disc diameters; not finite if one is missing.
    temporal : bool
    """

    blobs: int
    distance: float
    temporal: bool

    @classmethod
    def of(cls, mask: npt.NDArray[np.generic]) -> Place:
        """Measure a mask of shape (H, W): 1 optic disc, 2 fovea."""
        blobs = int(label(mask == FOVEA).max())
        if not (mask == DISC).any() or not blobs:
            return cls(blobs, float("inf"), False)
        disc, fovea = (np.argwhere(mask == value).mean(axis=0) for value in (DISC, FOVEA))
        diameter = 2 * np.sqrt((mask == DISC).sum() / np.pi)
        towards = np.sign(mask.shape[1] / 2 - disc[1])
        temporal = bool(np.sign(fovea[1] - disc[1]) == towards)
        return cls(blobs, float(np.linalg.norm(fovea - disc) / diameter), temporal)

    @property
    def plausible(self) -> bool:
        """Whether it is where foveas are."""
        return self.blobs == 1 and self.temporal and NEAREST <= self.distance <= FARTHEST


def places(masks: Path) -> dict[str, Place]:
    """Measure all masks of a folder, by name."""
    return {path.stem: Place.of(imread(path)) for path in find_masks(masks)}


def main() -> None:
    """Print a line per mask, and how many are plausible."""
    found = places(Path(sys.argv[1]))
    for name, place in found.items():
        side = "temporal" if place.temporal else "nasal"
        print(f"{name}: {place.blobs} blobs, {place.distance:.2f} disc diameters, {side}")
    good = sum(place.plausible for place in found.values())
    print(f"{good} of {len(found)} plausible")


if __name__ == "__main__":
    main()
