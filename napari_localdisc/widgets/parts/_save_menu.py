"""The button that saves what a run has made: masks, segmenter, or the whole session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from napari.components import ViewerModel
from napari.utils.notifications import show_warning
from qtpy.QtWidgets import QAction, QFileDialog, QMenu, QPushButton

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.stores.session_files import SUFFIX
from napari_localdisc.stores.session_images import save_session
from napari_localdisc.viewer.saving import SavedMasks, masks_of, save_masks
from napari_localdisc.viewer.session import session_of
from napari_localdisc.viewer.session_layers import collect
from napari_localdisc.widgets.parts._panel import reported
from napari_localdisc.widgets.parts._run_row import RunRow

_MASKS = "Masks…"
_SEGMENTER = "Segmenter…"
_SESSION = "Session…"
_TIPS = {
    _MASKS: "Every segmentation in the viewer, as you have corrected it, into a folder: a file an"
    " image, in the image's own place, with a report and a recipe.",
    _SEGMENTER: "What was learned, to apply it to other images.",
    _SESSION: "Images by path, masks, drawings, prior, segmenter and settings in one file: drag it"
    " onto the window to go on, or run it without a window by napari-localdisc run.",
}


class SaveMenu(QPushButton):
    """A button with a menu.

    Parameters
    ----------
    viewer : napari.components.ViewerModel
    run_row : RunRow
        Where saving that takes time is run and told of.

    Attributes
    ----------
    actions_by_name : dict of str to QAction
        ``"Masks"``, ``"Segmenter"``, ``"Session"``.
    """

    def __init__(self, viewer: ViewerModel, run_row: RunRow) -> None:
        super().__init__("Save")
        self._viewer, self._run_row = viewer, run_row
        menu = QMenu(self)
        menu.setToolTipsVisible(True)
        self.actions_by_name: dict[str, QAction] = {}
        asked: dict[str, Callable[[], None]] = {
            _MASKS: self._ask_for_masks,
            _SEGMENTER: self._ask_for_segmenter,
            _SESSION: self._ask_for_session,
        }
        for text, callback in asked.items():
            action = QAction(text, menu)
            menu.addAction(action)
            action.setToolTip(_TIPS[text])
            action.triggered.connect(callback)
            self.actions_by_name[text.rstrip("…")] = action
        self.setMenu(menu)
        self.setToolTip("Keep masks, the segmenter, or everything.")
        run_row.runner.returned.connect(self._on_saved)

    def save_masks(self, folder: Path) -> None:
        """Write every segmentation of the viewer into a folder, in the background."""
        with reported(self._run_row):
            masks = masks_of(self._viewer.layers)
            self._run_row.start(save_masks(masks, folder), f"Saving masks to {folder.name}")

    def save_segmenter(self, path: Path) -> None:
        """Write the segmenter in use to a file."""
        with reported(self._run_row):
            segmenter = session_of(self._viewer).segmenter
            if segmenter is None:
                raise LocaldiscError("there is no segmenter to save; run guidance first.")
            segmenter.save(path.with_suffix(".safetensors"))
            self._run_row.say(f"Saved {path.with_suffix('.safetensors').name}.")

    def save_session(self, path: Path) -> None:
        """Write the viewer's session to a file, in the background."""
        with reported(self._run_row):
            target = path.with_suffix(SUFFIX)
            saved = collect(self._viewer)
            self._run_row.start(save_session(saved, target), f"Saving session {target.name}")

    def _on_saved(self, result: object) -> None:
        if isinstance(result, SavedMasks):
            count = len(result.paths)
            masks = "1 mask" if count == 1 else f"{count} masks"
            self._run_row.say(f"Saved {masks} in {result.paths[0].parent}.")
            for note in result.notes:
                show_warning(note)

    def _ask_for_masks(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the masks")
        if folder:
            self.save_masks(Path(folder))

    def _ask_for_segmenter(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save segmenter", "segmenter.safetensors", "Segmenters (*.safetensors)"
        )
        if path:
            self.save_segmenter(Path(path))

    def _ask_for_session(self) -> None:
        path, _ = QFileDialog.getSaveFileName(
            self, "Save session", f"session{SUFFIX}", f"Sessions (*{SUFFIX})"
        )
        if path:
            self.save_session(Path(path))
