"""Whether a file is still the one that it was."""

from __future__ import annotations

import errno
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from napari_localdisc.formats.dicom.series import is_one_of_several
from napari_localdisc.formats.nifti_files import parts_of
from napari_localdisc.formats.registry import SERIES, is_image_folder


@dataclass(frozen=True)
class Fingerprint:
    """What tells a file, or a folder of files that make one image, from others.

    Attributes
    ----------
    size : int
        In bytes.
    mtime_ns : int
        When it was changed last.
    sha256 : str
        Of its content.
    """

    size: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Fingerprint:
        """Look at a file now.

        Raises
        ------
        OSError
            If it cannot be read.
        """
        if not path.is_dir() and not all(part.is_file() for part in _parts(path) or [path]):
            # a pipe or a device has no end
            raise OSError(errno.EINVAL, os.strerror(errno.EINVAL), str(path))
        # The look comes first: what is changed in between will then be seen to have changed.
        size, mtime_ns = _look(path)
        return cls(size, mtime_ns, _hash(path))

    def now(self, path: Path, look_inside: bool = False) -> Fingerprint | None:
        """Look again, at the content only where size or time differ.

        Parameters
        ----------
        path : Path
        look_inside : bool
            Compare the content in any case, as it is due for a file in another place.

        Returns
        -------
        Fingerprint or None
            None if the content is another, or cannot be read.
        """
        try:
            if not look_inside and _look(path) == (self.size, self.mtime_ns):
                return self
            later = Fingerprint.of(path)
        except OSError:
            return None
        return later if later.sha256 == self.sha256 else None


def _look(path: Path) -> tuple[int, int]:
    found = [part.stat() for part in _parts(path)]
    return sum(part.st_size for part in found), max((part.st_mtime_ns for part in found), default=0)


def _hash(path: Path) -> str:
    parts = _parts(path)
    if parts == [path]:
        return _hash_file(path)
    lines = (f"{_hash_file(part)} {_name(part, path)}\n" for part in parts)
    return hashlib.sha256("".join(lines).encode(errors="surrogateescape")).hexdigest()


def _name(part: Path, path: Path) -> str:
    return part.relative_to(path).as_posix() if part.is_relative_to(path) else part.name


def _hash_file(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _parts(path: Path) -> list[Path]:
    if path.is_dir():
        every = path.rglob("*") if is_image_folder(path) else path.iterdir()
        return sorted(part for part in every if part.is_file())
    if is_one_of_several(path):
        return SERIES.files_of(path)
    return parts_of(path)
