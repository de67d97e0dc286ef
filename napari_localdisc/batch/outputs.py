"""Output folders and files, checked before the work starts."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.batch.journal_record import read_journal, refuse_foreign_files
from napari_localdisc.files.naming import output_names
from napari_localdisc.formats.confidence_maps import FOLDER as CONFIDENCE
from napari_localdisc.formats.further.registry import FOLDER as ALSO
from napari_localdisc.formats.further.registry import files_of, own_files
from napari_localdisc.formats.images import mask_suffix
from napari_localdisc.formats.registry import is_image_name
from napari_localdisc.reports.report import REPORT

RECIPE, SEGMENTER = "recipe.json", "segmenter.safetensors"


@dataclass(frozen=True)
class Layout:
    """Names of the files that a run writes into its folder, beside its journal.

    Attributes
    ----------
    own : tuple of str
        Names of the run's own files.
    endings : callable
        From an input to the endings that its results' name gets.
    beside : tuple of str
        Sub-folders that hold a file of the same name for every result.
    also : tuple of str
        Further outputs, by name.
    """

    own: tuple[str, ...]
    endings: Callable[[Path], tuple[str, ...]]
    beside: tuple[str, ...] = ()
    also: tuple[str, ...] = ()

    def results(self, file: Path, name: str) -> list[str]:
        """Names of the results of a file, from its name without ending."""
        names = [f"{name}{ending}" for ending in self.endings(file)]
        names += [f"{folder}/{result}" for folder in self.beside for result in names]
        return names + files_of(self.also, name)


MASKS = Layout((REPORT, RECIPE, "overview.png"), lambda file: (mask_suffix(file),))
CLUSTERS = Layout((REPORT, RECIPE, "clusters.csv"), lambda _: ("_clusters.png", "_embedding.png"))


def masks_layout(confidence: bool, also: tuple[str, ...] = ()) -> Layout:
    """Layout of a run of masks, with or without maps of confidence and further outputs."""
    beside = (CONFIDENCE,) if confidence else ()
    return replace(MASKS, own=(*MASKS.own, *own_files(also)), beside=beside, also=also)


def check_output_folder(
    output: Path,
    files: Sequence[Path],
    layout: Layout | None = None,
    prior: str | None = None,
    names: Sequence[str] | None = None,
) -> None:
    """Refuse a folder that cannot be written to, or in which results would replace other files.

    Parameters
    ----------
    output : Path
    files : sequence of Path
        The inputs.
    layout : Layout, optional
        What will be written; files in its place must be those of an earlier run.
    prior : str, optional
        A folder of reference masks is to stay as it is.
    names : sequence of str, optional
        Of the results, without ending; `output_names` if not given.

    Raises
    ------
    LocaldiscError
        Names the file or folder in the way.
    """
    _check_place(output, "folder")
    named = output_names(files) if names is None else names
    _check_inputs(output, files, named)
    if layout is not None:
        _check_beside(layout, named)
    own = output.resolve()
    if prior is not None and Path(prior).is_dir() and Path(prior).resolve() in (own, own.parent):
        raise LocaldiscError(
            f"output folder {output} belongs to the prior {prior}, whose masks results would join;"
            " name another folder."
        )
    if layout is not None and output.is_dir():
        pairs = zip(files, named, strict=True)
        results = (result for file, name in pairs for result in layout.results(file, name))
        refuse_foreign_files(output, (*results, *layout.own), read_journal(output).known)


def _check_inputs(output: Path, files: Sequence[Path], names: Sequence[str]) -> None:
    """Refuse to put results among the images, be it in a sub-folder."""
    taken = {folder.resolve() for folder in {output, *((output / name).parent for name in names)}}
    inside = next(
        (file for file in files if _folder_of(Path(os.path.realpath(file))) in taken), None
    )
    if inside is not None:
        raise LocaldiscError(
            f"output folder {output} holds the image {inside.name}, which a result could replace;"
            " name another folder."
        )


def _folder_of(image: Path) -> Path:
    real = Path(os.path.realpath(image))  # unlike Path.resolve it takes links in a circle
    return real if real.is_dir() else real.parent


def _check_beside(layout: Layout, names: Sequence[str]) -> None:
    """Refuse sub-folders of images that bear the name of one of the layout's own."""
    taken = set(names)
    for folder in (*layout.beside, *(f"{ALSO}/{one}" for one in layout.also)):
        name = next((name for name in names if f"{folder}/{name}" in taken), None)
        if name is not None:
            raise LocaldiscError(
                f"the {folder} of {name} and the mask of {folder}/{name} would be the same file;"
                f" rename the folder {folder} of the images."
            )


def check_output_file(output: Path, inputs: Sequence[Path] = ()) -> None:
    """Refuse a file that could not be written, before hours are spent on what goes into it.

    Parameters
    ----------
    output : Path
    inputs : sequence of Path
        Files that must not be replaced; no image is, whether among them or not.

    Raises
    ------
    LocaldiscError
        If `output` is a folder or an input, or its folder cannot be written to or made.
    """
    _check_place(output, "file")
    is_input = any(path.resolve() == output.resolve() for path in inputs)
    if output.exists() and (is_input or is_image_name(output)):
        raise LocaldiscError(
            f"output {output} would replace {'an input' if is_input else 'an image'}; name another"
            " file."
        )


def _check_place(output: Path, kind: str) -> None:
    try:
        if output.exists() and output.is_dir() != (kind == "folder"):
            other = "folder" if output.is_dir() else "file"
            raise LocaldiscError(f"output {output} is a {other}; name a {kind}.")
        above = output if output.is_dir() else output.absolute().parent
        while not os.path.lexists(above):
            above = above.parent
        # Asking for permissions is not enough: file systems refuse for reasons of their own.
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise LocaldiscError(
            f"output {output} cannot be written ({error.strerror}); name a {kind} in a place that"
            " you may write to."
        ) from error
