"""Make the sample data: phantoms with known masks, and priors, all of them invented.

Run ``python sample_data/make.py`` to write them again beside this file, or give another folder.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from skimage.draw import polygon2mask
from skimage.measure import approximate_polygon, find_contours

from napari_localdisc.core.phantoms import Phantom, fundus_phantom, xray_phantom
from napari_localdisc.core.priors import simulate

COUNT = 6
SIZE = 256
PRIOR_SEED = 2021


def make(folder: Path) -> list[Path]:
    """Write all sample data under a folder and return the files."""
    written = []
    for number in range(1, COUNT + 1):
        xray, fundus = xray_phantom(number, SIZE), fundus_phantom(number, SIZE)
        written += _write_phantom(xray, folder / "chest-xray", f"xray-{number}", ("lungs",))
        structures = ("vessels", "optic-disc")
        written += _write_phantom(fundus, folder / "fundus", f"fundus-{number}", structures)
    return written + _write_priors(folder / "priors")


def _write_phantom(
    phantom: Phantom, folder: Path, stem: str, structures: tuple[str, ...]
) -> list[Path]:
    images = {folder / f"{stem}.png": phantom.image}
    for structure in structures:
        images[folder / structure / f"{stem}.png"] = _bytes(phantom.masks[structure])
    return [_write(path, image) for path, image in images.items()]


def _write_priors(folder: Path) -> list[Path]:
    written = []
    for number, mask in enumerate(simulate("lungs", COUNT, PRIOR_SEED, SIZE).masks[:, 0], start=1):
        path = folder / "drawn-lungs" / f"drawing-{number}.png"
        written.append(_write(path, _bytes(_as_drawn(mask))))
    for name in ("vessels", "fovea"):
        prior = simulate(name, COUNT, PRIOR_SEED, SIZE)
        for index, masks in enumerate(prior.masks):
            for target, mask in zip(prior.targets, masks, strict=True):
                inner = folder / name if len(prior.targets) == 1 else folder / name / target
                written.append(_write(inner / f"reference-{index + 1}.png", _bytes(mask)))
    return written


def _as_drawn(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Replace outlines by polygons of few corners, as a hand with a mouse would."""
    drawn = np.zeros_like(mask)
    for contour in find_contours(np.pad(mask, 1).astype(float), 0.5):
        corners = approximate_polygon(contour - 1.0, tolerance=1.5)
        drawn |= polygon2mask(mask.shape, corners)
    return drawn


def _bytes(mask: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    return mask.astype(np.uint8) * 255


def _write(path: Path, image: npt.NDArray[np.uint8]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, optimize=True)
    return path


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    print(f"{len(make(target))} files written to {target}")
