"""Which labelled sets there are: described on the command line or listed in a TOML file."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.texts import parse_toml, read_text
from napari_localdisc.core.imaging.augmentation import Turns

_NAME = r"[\w.+-]+"
_FOLDERS = ("images", "masks", "fov")


class SetSpec(BaseModel):
    """A labelled set: where its files are, and how it is divided and looked at.

    Attributes
    ----------
    name : str
    images, masks, fov : Path
        Folders, matched by file name; `fov`, the fields of view, may be left out.
    test_images, test_masks, test_fov : Path, optional
        The same for the images to be judged by; without them the images are split.
    size : int
        Side in pixels of the canvas that images are laid on.
    turns : str, optional
        Symmetries that training may use, see `Turns`; without it ``"square"`` for colour images
        and ``"mirror"`` for grey ones.
    train : int or float
        Images to learn from when split: their number, or their share below 1.
    test : int, optional
        Images to be judged by at most, of those that are left; all of them if not given.
    group : str
        Regular expression whose first group finds in a file name who is shown; images of one person
        are not split.
    split_seed : int
        Which images go where.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=f"^{_NAME}$")
    images: Path
    masks: Path
    fov: Path | None = None
    test_images: Path | None = None
    test_masks: Path | None = None
    test_fov: Path | None = None
    size: int = Field(default=256, ge=32, le=4096, multiple_of=8)
    turns: Turns | None = None
    train: int | float = Field(default=0.5, gt=0)
    test: int | None = Field(default=None, ge=1)
    group: str = ""
    split_seed: int = Field(default=0, ge=0)

    @field_validator("group")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        try:
            groups = re.compile(pattern).groups
        except re.error as error:
            raise ValueError(f"{pattern!r} is no regular expression ({error})") from error
        if pattern and not groups:
            raise ValueError(f"{pattern!r} has no group in parentheses")
        return pattern


def read_sets(path: Path, root: Path | None = None) -> list[SetSpec]:
    """Read a list of sets: a TOML file with a table for each, named as the set.

    Parameters
    ----------
    path : Path
    root : Path, optional
        What relative folders are relative to; the file's own folder if not given.

    Raises
    ------
    LocaldiscError
        If the file is missing, no TOML, or describes a set wrongly.
    """
    try:
        tables = parse_toml(read_text(path))
    except OSError as error:
        raise LocaldiscError(
            f"{path} cannot be read ({error.strerror}); check the path."
        ) from error
    except ValueError as error:
        raise LocaldiscError(f"{path} is not a TOML file ({error}); correct it.") from error
    if not tables:
        raise LocaldiscError(f"{path} lists no set; add a table such as [drive].")
    return [_spec(name, table, root or path.parent, str(path)) for name, table in tables.items()]


def _spec(name: str, table: Any, root: Path, where: str) -> SetSpec:
    if not isinstance(table, dict):
        raise LocaldiscError(f"{where} has {name!r} outside a table; write [SET] above it.")
    folders = {f"{test}{kind}" for test in ("", "test_") for kind in _FOLDERS}
    placed = {
        key: root / value if key in folders and isinstance(value, str) else value
        for key, value in table.items()
    }
    return _validated({"name": name, **placed}, f"set {name} in {where}")


def _validated(content: dict[str, Any], where: str) -> SetSpec:
    try:
        spec = SetSpec.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise LocaldiscError(
            f"{where} is not valid ({key}: {first['msg']}); correct it."
        ) from error
    if (spec.test_images is None) != (spec.test_masks is None):
        raise LocaldiscError(f"{where} names only one of test images and test masks; name both.")
    return spec


def choose_sets(
    words: Sequence[str], tests: Sequence[str], listed: Sequence[SetSpec], size: int
) -> list[SetSpec]:
    """Put together the sets that a user asked for.

    Parameters
    ----------
    words : sequence of str
        ``NAME=IMAGES:MASKS[:FOV]`` describes a set; ``NAME`` alone picks one of those listed, and
        without such a pick all of them are taken.
    tests : sequence of str
        ``NAME=IMAGES:MASKS[:FOV]``: the images that set NAME of `words` is judged by.
    listed : sequence of SetSpec
        From `read_sets`.
    size : int
        Canvas of the sets described in `words`.

    Raises
    ------
    LocaldiscError
        If a description is wrong, a name unknown or given twice, or there is no set at all.
    """
    known = {spec.name: spec for spec in listed}
    judged = dict(_described(word, "--test-set") for word in tests)
    own: dict[str, SetSpec] = {}
    picked: list[SetSpec] = []
    for word in words:
        if "=" not in word:
            picked.append(_known(word, known))
            continue
        name, folders = _described(word, "--set")
        if name in known or name in own:
            raise LocaldiscError(f"set {name} is described twice; give one another name.")
        test = {f"test_{kind}": folder for kind, folder in judged.pop(name, {}).items()}
        own[name] = _validated({"name": name, "size": size, **folders, **test}, f"--set {word}")
    if judged:
        raise LocaldiscError(f"--test-set {next(iter(judged))} has no --set of that name; add it.")
    chosen = [*(picked or listed), *own.values()]
    if not chosen:
        raise LocaldiscError(
            "no labelled set was given; use --set NAME=IMAGES:MASKS or --sets FILE."
        )
    return list({spec.name: spec for spec in chosen}.values())


def _known(name: str, known: dict[str, SetSpec]) -> SetSpec:
    if name not in known:
        there = f"those listed are {', '.join(known)}" if known else "no --sets FILE lists any"
        raise LocaldiscError(
            f"set {name!r} is unknown ({there}); name one of them or describe it as"
            " NAME=IMAGES:MASKS."
        )
    return known[name]


def _described(word: str, option: str) -> tuple[str, dict[str, Path]]:
    name, _, rest = word.partition("=")
    folders = rest.split(os.pathsep)
    if not re.fullmatch(_NAME, name) or len(folders) not in (2, 3) or not all(folders):
        form = f"NAME=IMAGES{os.pathsep}MASKS[{os.pathsep}FOV]"
        raise LocaldiscError(f"{option} {word} is not of the form {form}.")
    return name, dict(zip(_FOLDERS, map(Path, folders), strict=False))
