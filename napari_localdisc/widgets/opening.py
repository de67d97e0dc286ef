"""Files of our own kinds, dragged onto napari's window or saved from its menus."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import napari
from napari._app_model import get_app_model
from napari.utils.notifications import show_info, show_warning

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import drain
from napari_localdisc.compute.results import HeldEncoder
from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.stores.segmenter_files import SegmenterFile
from napari_localdisc.stores.session_images import save_session
from napari_localdisc.viewer.opening import Opened, open_file
from napari_localdisc.viewer.session import session_of
from napari_localdisc.viewer.session_layers import collect, restore
from napari_localdisc.widgets.jobs.workers import Runner
from napari_localdisc.widgets.panels.docks import DOCKS
from napari_localdisc.widgets.parts._panel import reported

if TYPE_CHECKING:
    from napari.components import ViewerModel


NO_LAYERS: list[tuple[None]] = [(None,)]
"""What a reader of napari returns that has understood a file which holds no layers."""


def get_reader(path: str | Sequence[str]) -> Callable[[Any], list[tuple[None]]] | None:
    """Return napari's reader of sessions, segmenters, priors and encoders."""
    return _open if isinstance(path, str) else None


def write_session(path: str, _: Sequence[Any]) -> list[str]:
    """Write the session of the current viewer, whatever layers it is asked for."""
    return [str(drain(save_session(collect(_viewer()), Path(path))))]


def _open(path: str) -> list[tuple[None]]:
    """Read a file in the background, and put it where it belongs."""
    viewer, file, runner = _viewer(), Path(path), Runner()
    runner.returned.connect(lambda opened: _take(viewer, file, opened))
    runner.start(open_file(file), f"Opening {file.name}")
    return NO_LAYERS


def _viewer() -> ViewerModel:
    viewer = napari.current_viewer()
    if viewer is None:
        raise LocaldiscError("there is no napari window; open one, or use napari-localdisc run.")
    return viewer


def _take(viewer: ViewerModel, file: Path, opened: Opened) -> None:
    session = session_of(viewer)
    if isinstance(opened, SegmenterFile):
        session.segmenter = opened
        _tell(viewer, "folder", f"{file.name} is in use: finds {', '.join(opened.targets)}.")
    elif isinstance(opened, Prior):
        session.prior = opened
        message = f"{file.name} is in use: {len(opened)} masks of {', '.join(opened.targets)}."
        _tell(viewer, "guided", message)
    elif isinstance(opened, HeldEncoder):
        session.encoder_name = str(file)
        session.hold(opened)
        _tell(viewer, "encoder", f"{file.name} is in use: {opened.card.modality}.")
    else:
        with reported():
            restore(opened.saved, viewer)
            for note in opened.notes:
                show_warning(note)
            _tell(viewer, "guided", f"{file.name} is open.")


def _tell(viewer: ViewerModel, panel: str, message: str) -> None:
    """Say what became of a file, beside the panel that goes on with it."""
    docks = viewer.window.dock_widgets.values()
    docked = next((dock for dock in docks if type(dock) is DOCKS[panel]), None)
    if docked is None:
        # As the menu does, so that the menu knows of it.
        get_app_model().commands.execute_command(f"napari-localdisc.{panel}")
    elif (frame := docked.parentWidget()) is not None:
        frame.show()
        frame.raise_()
    show_info(message)
