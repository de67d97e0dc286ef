"""The journal of a folder of results: every line is on the disk before the next step begins."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from napari_localdisc.base.atomic import make_folder, sweep, sync_folder
from napari_localdisc.base.errors import cannot_write
from napari_localdisc.batch.journal_record import (
    JournalRecord,
    check_plain,
    check_recipe,
    read_journal,
    refuse_foreign_files,
)
from napari_localdisc.files.fingerprint import Fingerprint
from napari_localdisc.files.locking import lock
from napari_localdisc.files.naming import JOURNAL
from napari_localdisc.reports.report import FileResult, result_content

_FLAGS = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)


class Journal:
    """Journal of one run; a context manager that no second run can enter meanwhile.

    Parameters
    ----------
    output : Path
        The folder of results; made with the first line.
    recipe : mapping of str to object
        Flat, of what JSON holds. What is done by it is done.
    overwrite : bool
        Replace what another recipe made, instead of refusing.

    Raises
    ------
    LocaldiscError
        On entering: if the folder holds results of another recipe, or another run is at it.
    """

    def __init__(self, output: Path, recipe: Mapping[str, Any], overwrite: bool = False) -> None:
        self.output, self.path = output, output / JOURNAL
        self.recipe: dict[str, Any] = json.loads(json.dumps(recipe))
        self.overwrite = overwrite
        self.record = JournalRecord()
        self._handle: int | None = None
        self._made: list[Path] | None = None
        self._is_empty = True

    def __enter__(self) -> Self:
        if os.path.lexists(self.path):
            self._open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._handle is None:
            return
        try:
            self.sweep()
            if self._made is not None and self._is_empty:
                self._discard(self._made)
        finally:
            os.close(self._handle)

    def begin(self, names: Iterable[str]) -> None:
        """Log files that are about to be written, so that they may be replaced later.

        Raises
        ------
        LocaldiscError
            If one of them is there already and no run of this folder wrote it.
        """
        fresh = [name for name in names if name not in self.record.known]
        refuse_foreign_files(self.output, fresh, self.record.known)
        if fresh:
            self._add({"begin": fresh})

    def finish(self, name: str, mark: Fingerprint, result: FileResult) -> None:
        """Log that a file is finished and its result in place."""
        content = result_content(result, self.output)
        self._add({"done": name, "input": asdict(mark), "result": content})

    def guide(self, settings: Mapping[str, Any], digest: str, images: Sequence[str]) -> None:
        """Log that a segmenter was guided on images and saved."""
        self._add({"guided": dict(settings), "segmenter": digest, "images": list(images)})

    def sweep(self) -> None:
        """Delete temporary files of an interrupted run."""
        sweep(self.output / name for name in self.record.known)

    def _open(self) -> None:
        check_plain(self.path)
        try:
            self._handle = os.open(self.path, _FLAGS, 0o666)
        except OSError as error:
            raise cannot_write(self.path, error) from error
        try:
            lock(self._handle, self.output)
            self.record = read_journal(self.output)
            self._compare()
            os.ftruncate(self._handle, self.record.size)
            self.sweep()
        except BaseException:
            os.close(self._handle)
            self._handle = None
            raise

    def _compare(self) -> None:
        if self.record.recipe == self.recipe:
            return
        if self.record.done and not self.overwrite:
            check_recipe(self.output, self.record.recipe or {}, self.recipe)
        self.record.done, self.record.guided = {}, {}

    def _add(self, line: Mapping[str, Any]) -> None:
        if self._handle is None:
            self._made = [f for f in (self.output, *self.output.parents) if not f.exists()]
            try:
                make_folder(self.output)
            except OSError as error:
                raise cannot_write(self.path, error) from error
            self._open()
            sync_folder(self.output)
        if self.record.recipe != self.recipe:
            self._write({"napari-localdisc": "results", "recipe": self.recipe})
        self._write(line)

    def _write(self, line: Mapping[str, Any]) -> None:
        """Add a line, and wait until it is on the disk."""
        assert self._handle is not None
        rest = json.dumps(line).encode() + b"\n"
        start = os.lseek(self._handle, 0, os.SEEK_END)
        try:
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            os.fsync(self._handle)
        except BaseException as error:
            with suppress(OSError):  # a torn end does no harm either
                os.ftruncate(self._handle, start)
            if isinstance(error, OSError):
                raise cannot_write(self.path, error) from error
            raise
        self._is_empty &= "begin" in line or "recipe" in line
        if "done" not in line:  # what is done from now on, nobody asks for again
            self.record.take(line, self.output)

    def _discard(self, made: Sequence[Path]) -> None:
        """Remove an empty journal, and a new folder that is empty."""
        self.path.unlink(missing_ok=True)
        with suppress(OSError):
            for folder in made:
                folder.rmdir()
