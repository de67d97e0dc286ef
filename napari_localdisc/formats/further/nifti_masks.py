"""Masks as NIfTI, whatever format their image is of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from napari_localdisc.base.atomic import replacing
from napari_localdisc.base.extras import needed
from napari_localdisc.formats.further.finding import Finding
from napari_localdisc.formats.images import Image
from napari_localdisc.formats.nifti import EXTRA, NiftiGeometry, placed
from napari_localdisc.formats.placement import placement_of


class NiftiMasks:
    """One ``.nii.gz`` an image, in its place as far as that is known: `FurtherOutput`."""

    ending = NiftiGeometry.suffix

    def check(self) -> None:
        """Refuse to begin without nibabel.

        Raises
        ------
        LocaldiscError
            Names the extra.
        """
        needed("nibabel", EXTRA, Path("--also nifti"))

    def write(self, found: Finding, path: Path) -> None:
        """Write the labels as they are, 1 for the first target."""
        with replacing(path, self.ending) as temporary:
            _geometry(found.image).save(found.labels, temporary)


def _geometry(image: Image) -> NiftiGeometry:
    if isinstance(image.geometry, NiftiGeometry):
        return image.geometry
    extent = image.extent
    place = placement_of(image.geometry, extent)
    if place is not None and place.matrix is not None:
        left, back, head, last = place.matrix
        matrix = np.stack([-head, back, left, last])
        return placed(matrix, (1, *extent)[-3:], is_mm=True)
    sizes = image.geometry.spacing or (1.0,) * len(extent)
    return placed(np.diag([*sizes, 1.0]), extent, is_mm=image.geometry.spacing is not None)
