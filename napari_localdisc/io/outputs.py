"""Where results go: refused before the work starts if they could not, or should not, be written."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_localdisc.core.errors import LocaldiscError
from napari_localdisc.io.images import is_image_name, mask_suffix
from napari_localdisc.io.naming import output_names
from napari_localdisc.io.report import listed_outputs

REPORT, RECIPE = "report.csv", "recipe.json"


@dataclass(frozen=True)
class Layout:
    """Which files a run writes into its folder.

    Attributes
    ----------
    own : tuple of str
        Names of the run's own files.
    endings : callable
        From an input to the endings that its results' name gets.
    """

    own: tuple[str, ...]
    endings: Callable[[Path], tuple[str, ...]]

    def results(self, file: Path, name: str) -> list[str]:
        """Names of the results of a file, from its name without ending."""
        return [f"{name}{ending}" for ending in self.endings(file)]


MASKS = Layout((REPORT, RECIPE, "overview.png"), lambda file: (mask_suffix(file),))
CLUSTERS = Layout((REPORT, RECIPE, "clusters.csv"), lambda _: ("_clusters.png", "_embedding.png"))


def earlier_results(output: Path) -> set[str]:
    """Names of the results in a folder that earlier runs wrote, by their report and recipe."""
    listed = listed_outputs(output / REPORT)
    if listed is None:
        return set()
    try:
        written = json.loads((output / RECIPE).read_text("utf-8"))["written"]
    except (OSError, ValueError, KeyError, TypeError):
        written = []
    return listed | {str(name) for name in written}


def check_output_folder(
    output: Path, files: Sequence[Path], layout: Layout | None = None, prior: str | None = None
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

    Raises
    ------
    LocaldiscError
        Names the file or folder in the way.
    """
    _check_place(output, "folder")
    inside = next((file for file in files if file.resolve().parent == output.resolve()), None)
    if inside is not None:
        raise LocaldiscError(
            f"output folder {output} holds the image {inside.name}, which a result could replace;"
            " name another folder."
        )
    own = output.resolve()
    if prior is not None and Path(prior).is_dir() and Path(prior).resolve() in (own, own.parent):
        raise LocaldiscError(
            f"output folder {output} belongs to the prior {prior}, whose masks results would join;"
            " name another folder."
        )
    if layout is not None and output.is_dir():
        _check_strangers(output, files, layout)


def _check_strangers(output: Path, files: Sequence[Path], layout: Layout) -> None:
    known = earlier_results(output)
    if listed_outputs(output / REPORT) is not None:
        known |= set(layout.own)
    named = zip(files, output_names(files), strict=True)
    results = [result for file, name in named for result in layout.results(file, name)]
    for name in (*results, *layout.own):
        if name not in known and os.path.lexists(output / name):
            raise LocaldiscError(
                f"{output / name} would be replaced, and no report.csv of an earlier run lists it;"
                " move it away or name another output folder."
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
