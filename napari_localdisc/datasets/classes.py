"""Classes of images, from their names or from a table."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.texts import read_text
from napari_localdisc.formats.images import image_stem


def read_classes(spec: str, files: Sequence[Path]) -> dict[Path, str]:
    """Find the class of each file.

    Parameters
    ----------
    spec : str
        A CSV file with columns ``file`` and ``class``; or a regular expression with one group,
        which is looked for in each file's stem and whose match is the class.
    files : sequence of Path

    Returns
    -------
    dict of Path to str
        Only the files that have a class.

    Raises
    ------
    LocaldiscError
        If the table is not readable, the expression is none, or no file has a class.
    """
    if spec.lower().endswith(".csv"):
        found = _from_table(Path(spec), files)
    else:
        found = _from_names(spec, files)
    if not found:
        raise LocaldiscError(
            f"classes {spec!r} give none of the {len(files)} images a class, for example not"
            f" {files[0].name}; check file names and expression."
        )
    return found


def _from_names(spec: str, files: Sequence[Path]) -> dict[Path, str]:
    try:
        pattern = re.compile(spec)
    except re.error as error:
        raise LocaldiscError(
            f"classes {spec!r} are no regular expression ({error}); give one, or a .csv file."
        ) from error
    if pattern.groups != 1:
        raise LocaldiscError(
            f"classes {spec!r} have {pattern.groups} groups; expected exactly one, the class, as"
            " in '^(normal|glaucoma)'."
        )
    matches = {file: pattern.search(image_stem(file)) for file in files}
    return {file: match[1] for file, match in matches.items() if match and match[1]}


def _from_table(path: Path, files: Sequence[Path]) -> dict[Path, str]:
    try:
        rows = list(csv.DictReader(io.StringIO(read_text(path))))
    except (OSError, ValueError, csv.Error) as error:
        raise LocaldiscError(
            f"classes {path} cannot be read ({error}); give a CSV file with columns file and class."
        ) from error
    if not rows or not {"file", "class"} <= set(rows[0]):
        raise LocaldiscError(f"classes {path} lack the columns file and class; add them.")
    known = {
        row["file"].strip(): row["class"].strip() for row in rows if row["file"] and row["class"]
    }
    found = {}
    for file in files:
        name = next((key for key in (str(file), file.name, image_stem(file)) if key in known), None)
        if name is not None and known[name]:
            found[file] = known[name]
    return found
