"""Masks as OME-Zarr label images (NGFF 0.4)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_localdisc.base.atomic import replacing_folder
from napari_localdisc.base.extras import needed
from napari_localdisc.formats.further.finding import Finding
from napari_localdisc.formats.omezarr.chunks import EXTRA

_CHUNK = 512
"""Rows and columns of a chunk at most."""


class ZarrLabels:
    """One folder ``.ome.zarr`` an image, as most programs read it: `FurtherOutput`."""

    ending = ".ome.zarr"

    def check(self) -> None:
        """Refuse to begin without zarr.

        Raises
        ------
        LocaldiscError
            Names the extra.
        """
        needed("zarr", EXTRA, Path("--also omezarr"))

    def write(self, found: Finding, path: Path) -> None:
        """Write a label image with sizes of pixels and names of targets."""
        zarr = needed("zarr", EXTRA, path)
        sides = found.labels.shape[-2:]
        chunks = (1,) * (found.labels.ndim - 2) + tuple(min(_CHUNK, side) for side in sides)
        with replacing_folder(path) as folder:
            about = {"multiscales": [_multiscale(found)], "image-label": _label(found)}
            group = zarr.open_group(folder, mode="w", zarr_format=2, attributes=about)
            keys = {"name": "v2", "separator": "/"}
            group.create_array("0", data=found.labels, chunks=chunks, chunk_key_encoding=keys)


def _multiscale(found: Finding) -> dict[str, Any]:
    spacing = found.image.geometry.spacing
    names = "zyx"[-found.labels.ndim :]
    unit = {} if spacing is None else {"unit": "millimeter"}
    scale = [float(size) for size in spacing or (1.0,) * len(names)]
    dataset = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": scale}]}
    return {
        "version": "0.4",
        "name": found.image.path.name,
        "axes": [{"name": name, "type": "space", **unit} for name in names],
        "datasets": [dataset],
    }


def _label(found: Finding) -> dict[str, Any]:
    named = enumerate(found.targets, start=1)
    return {
        "version": "0.4",
        "properties": [{"label-value": label, "name": name} for label, name in named],
    }
