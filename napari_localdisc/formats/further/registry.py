"""What else a run writes of its masks. To add one: a module beside this one and a line here."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from napari_localdisc.base.errors import LocaldiscError

if TYPE_CHECKING:
    from napari_localdisc.formats.further.finding import Finding

FOLDER = "also"
"""Where they lie, below the masks: what reads a folder of masks takes none of them for one."""

COCO = "coco"


class FurtherOutput(Protocol):
    """A file or folder that is written for each image, beside its mask."""

    @property
    def ending(self) -> str:
        """Ending of its name."""
        ...

    def check(self) -> None:
        """Refuse to begin where a package is missing."""
        ...

    def write(self, found: Finding, path: Path, /) -> None:
        """Write it, whole or not at all."""
        ...


PER_IMAGE = {
    "geojson": "geojson:GeoJson",
    "nifti": "nifti_masks:NiftiMasks",
    "omezarr": "zarr_labels:ZarrLabels",
}
"""Those of each image, as ``module:class`` here: listing the names is to take no time."""

PER_RUN = {COCO: "coco.json"}
"""Those that are written once, of all masks, at the end of a run; and their file."""

NAMES = tuple(sorted((*PER_IMAGE, *PER_RUN)))


@cache
def output_per_image(name: str) -> FurtherOutput:
    """Load the output of a name in `PER_IMAGE`."""
    module, made_by = PER_IMAGE[name].split(":")
    output: FurtherOutput = getattr(import_module(f"{__package__}.{module}"), made_by)()
    return output


def chosen_outputs(names: Sequence[str]) -> tuple[str, ...]:
    """Check names of further outputs, and put them in order.

    Raises
    ------
    LocaldiscError
        If there is no such output, or a package that it takes is missing.
    """
    for name in names:
        if name not in NAMES:
            raise LocaldiscError(
                f"there is no further output {name!r}; choose from {', '.join(NAMES)}."
            )
    for name in sorted(set(names) & set(PER_IMAGE)):
        output_per_image(name).check()
    return tuple(sorted(set(names)))


def files_of(also: Sequence[str], result: str) -> list[str]:
    """Name the further files of an image, from its result's name without ending."""
    return [
        f"{FOLDER}/{name}/{result}{output_per_image(name).ending}"
        for name in also
        if name in PER_IMAGE
    ]


def own_files(also: Sequence[str]) -> tuple[str, ...]:
    """Name the files that are written once a run."""
    return tuple(f"{FOLDER}/{PER_RUN[name]}" for name in also if name in PER_RUN)
