"""Read every image that libraries ship for their own tests, and write a mask of it.

``python benchmarks/wheel_files.py`` prints how many went right, were refused and went wrong.
Right is what has a mask that is read back pixel by pixel.
"""

from __future__ import annotations

import importlib.util
import logging
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.formats.images import read_image, write_mask
from napari_localdisc.formats.masks import read_mask
from napari_localdisc.formats.registry import is_image_file

LIBRARIES = ("pydicom", "nibabel", "tifffile", "skimage")


def outcome(path: Path) -> str:
    """Read an image, write what is brighter than its median as a mask, and read that back."""
    try:
        image = read_image(path)
        pixels = np.asarray(image.pixels, dtype=np.float64)
        grey = pixels.mean(axis=-1) if pixels.ndim > 2 else pixels
        labels = (grey > np.nanmedian(grey)).astype(np.uint8)
        with tempfile.TemporaryDirectory() as folder:
            mask = write_mask(labels, Path(folder) / "mask", image, scale_to_255=False)
            return "right" if np.array_equal(read_mask(mask, True), labels) else "wrong"
    except LocaldiscError:
        return "refused"


def main() -> None:
    """Print a line for each library, and the files that went wrong."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    for library in LIBRARIES:
        found = importlib.util.find_spec(library)
        origin = Path(found.origin).parent if found and found.origin else Path()
        files = [path for path in sorted(origin.rglob("*")) if is_image_file(path)]
        results = {path: outcome(path) for path in files}
        counts = Counter(results.values())
        told = ", ".join(f"{kind} {counts[kind]}" for kind in ("right", "refused", "wrong"))
        print(f"{library}: {len(files)} files: {told}")
        for path in (path for path, result in results.items() if result == "wrong"):
            print(f"  {path}")


if __name__ == "__main__":
    main()
