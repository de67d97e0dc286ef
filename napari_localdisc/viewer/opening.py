"""Files of our own kinds, whatever they hold. No Qt."""

from __future__ import annotations

from pathlib import Path

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Progress, Run
from napari_localdisc.base.tensor_files import kind_of
from napari_localdisc.compute import jobs
from napari_localdisc.compute.client import compute_process
from napari_localdisc.compute.results import HeldEncoder
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.stores.prior_files import read_prior
from napari_localdisc.stores.segmenter_files import SegmenterFile
from napari_localdisc.stores.session_files import SUFFIX
from napari_localdisc.stores.session_images import OpenedSession, open_session

Opened = OpenedSession | SegmenterFile | Prior | HeldEncoder


def open_file(path: Path) -> Run[Opened]:
    """Read a session, segmenter, prior or encoder.

    Raises
    ------
    LocaldiscError
        If the file is none of these.
    """
    if path.suffix == SUFFIX:
        return (yield from open_session(path))
    yield Progress("read", 0, 1, f"Reading {path.name}")
    kind = kind_of(path)
    if kind == "segmenter":
        file = SegmenterFile.read(path)
        yield from compute_process().run(f"opening {path.name}", jobs.check_segmenter, file)
        return file
    if kind == "prior":
        return read_prior(path)
    if kind == "encoder":
        label = f"opening {path.name}"
        return (yield from compute_process().run(label, jobs.load_encoder, str(path), None))
    raise LocaldiscError(
        f"{path} is neither a segmenter nor a prior nor an encoder of napari-localdisc; check that"
        " it was written by it."
    )
