"""Which files a run is to do: those named, and those in folders, picked by their names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.files.naming import JOURNAL
from napari_localdisc.formats.confidence_maps import FOLDER as CONFIDENCE
from napari_localdisc.formats.further.registry import FOLDER as ALSO
from napari_localdisc.formats.images import find_images
from napari_localdisc.formats.nifti_files import is_part_of_pair
from napari_localdisc.formats.registry import (
    SERIES,
    is_image_file,
    is_image_folder,
    is_visible_file,
    visible_files,
)


@dataclass(frozen=True)
class Found:
    """What was found.

    Attributes
    ----------
    files : tuple of Path
        Images, and folders that are volumes.
    others : int
        Files of the folders that are no images.
    """

    files: tuple[Path, ...]
    others: int = 0

    @property
    def note(self) -> str:
        """Sentence for the files that were passed over; empty if there were none."""
        if not self.others:
            return ""
        are = "1 file is no image" if self.others == 1 else f"{self.others} files are no images"
        return f"{are} and passed over"


@dataclass(frozen=True)
class Choice:
    """How files are chosen from folders.

    Attributes
    ----------
    recursive : bool
        From their sub-folders too; each is entered once, wherever links lead to it. Folders of
        results, told by their journal, are passed over, and so is what is hidden.
    patterns : tuple of str
        Names to take, such as ``"*.png"``; all that are images if none is given.
    exclude : tuple of str
        Names of files and sub-folders to pass over.
    volumes : bool
        Where all images of a folder are slices of one DICOM series, take the folder in their place,
        and of several series the name of each.

    Notes
    -----
    ``*``, ``?`` and ``[...]`` stand for parts of names. Capitals do not matter. A pattern with a
    ``/`` is compared with the place in the folder that was given, another with the name.
    """

    recursive: bool = False
    patterns: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    volumes: bool = False

    def find(self, paths: Sequence[Path]) -> list[Path]:
        """List image files; see `look`."""
        return list(self.look(paths).files)

    def look(self, paths: Sequence[Path]) -> Found:
        """List image files: files as they are given, and what folders hold, sorted by name.

        Raises
        ------
        LocaldiscError
            If a path is missing, a folder cannot be read, or nothing is left.
        """
        found, others = list[Path](), 0
        for path in paths:
            if path.is_dir() and not is_image_folder(path):
                every = sorted(_walk(path, self)) if self.recursive else visible_files(path)
                there = [file for file in every if is_image_file(file)]
                if not there and not self.recursive:
                    find_images([path])  # says that it holds none
                images = set(there)
                rest = [one for one in every if one not in images and not is_part_of_pair(one)]
                others += len(self._among(rest, path))
                found += self._with_volumes(self._among(there, path))
            else:
                found += find_images([path])
        if not found:
            given = ", ".join(map(str, paths)) or "nothing"
            raise LocaldiscError(
                f"no image was chosen from {given}; check the path, --pattern and --exclude, and"
                " whether --recursive is meant."
            )
        return Found(tuple(dict.fromkeys(found)), others)

    def find_masks(self, path: Path, by_name: bool = True) -> list[Path]:
        """List masks: those of a folder, or the one file.

        What a run writes beside its masks is left out: its contact sheet and, in a folder of
        results, the maps of confidence and further outputs.

        Parameters
        ----------
        path : Path
        by_name : bool
            Whether `patterns` count.

        Raises
        ------
        LocaldiscError
            As `find` does.
        """
        choice = self if by_name else replace(self, patterns=())
        if (path / JOURNAL).is_file():
            choice = replace(choice, exclude=(*choice.exclude, CONFIDENCE, ALSO))
        return [file for file in choice.find([path]) if file.name != "overview.png"]

    def kept_folders(self, paths: Sequence[Path]) -> tuple[Path, ...]:
        """Folders whose sub-folders results keep."""
        folders = (path for path in paths if path.is_dir() and not is_image_folder(path))
        return tuple(folders) if self.recursive else ()

    def is_out(self, path: Path, folder: Path) -> bool:
        """Whether a file or sub-folder is to be passed over."""
        return any(_fits(path, folder, pattern) for pattern in self.exclude)

    def _among(self, files: Sequence[Path], folder: Path) -> list[Path]:
        return [
            file
            for file in files
            if not self.is_out(file, folder)
            and (not self.patterns or any(_fits(file, folder, one) for one in self.patterns))
        ]

    def _with_volumes(self, files: Sequence[Path]) -> list[Path]:
        """Put folders that hold a whole series in place of their files."""
        if not self.volumes:
            return list(files)
        own = dict[Path, list[Path]]()
        for file in files:
            own.setdefault(file.parent, []).append(file)
        whole = dict[Path, Path]()
        for folder, chosen in own.items():
            whole |= _volumes(folder, chosen)
        return list(dict.fromkeys(whole.get(file, file) for file in files))


def _volumes(folder: Path, files: Sequence[Path]) -> dict[Path, Path]:
    """Find the volume of each file, where files are all images of a folder and not some of them."""
    if len(files) < 2 or files != find_images([folder]):
        return {}
    volumes = SERIES.volumes_in(_named(folder))
    names = {part.name: volume for volume, parts in volumes.items() for part in parts}
    return {file: names[file.name] for file in files if file.name in names}


def _named(folder: Path) -> Path:
    """Name a folder that was given as ``.`` or by the one below it."""
    return folder.resolve() if folder.name in ("", "..") else folder


def _walk(top: Path, choice: Choice) -> Iterator[Path]:
    """List the visible files below a folder, entering no folder twice, and by a link only last."""
    entered: set[tuple[int, int]] = set()
    waiting, links = [top], list[Path]()
    while waiting or links:
        folder = waiting.pop() if waiting else links.pop(0)
        entries, identity = _look_into(folder)
        is_results = folder != top and any(entry.name == JOURNAL for entry in entries)
        if identity in entered or is_results:
            continue
        entered.add(identity)
        for entry in entries:
            path = folder / entry.name
            if entry.name.startswith(".") or choice.is_out(path, top):
                continue
            if _is_folder(entry) and not is_image_folder(path):
                (links if entry.is_symlink() else waiting).append(path)
            elif is_visible_file(path):
                yield path


def _look_into(folder: Path) -> tuple[list[os.DirEntry[str]], tuple[int, int]]:
    try:
        state = folder.stat()
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name), (state.st_dev, state.st_ino)
    except OSError as error:
        raise LocaldiscError(
            f"folder {folder} cannot be read ({error.strerror}); check its permissions or leave it"
            " out with --exclude."
        ) from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads round in a circle
        return False


def _fits(path: Path, folder: Path, pattern: str) -> bool:
    text = path.relative_to(folder).as_posix() if "/" in pattern else path.name
    return fnmatchcase(text.lower(), pattern.lower())


def no_mask(folder: Path) -> LocaldiscError:
    """Say that a folder holds no mask."""
    return LocaldiscError(
        f"{folder} holds no mask, only an overview; name the folder of the masks."
    )
