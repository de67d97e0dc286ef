"""The row that says what a run finds: by a ready-made segmenter, or by a prior."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QComboBox

from napari_localdisc.core.priors import BUILT_IN_PRIORS
from napari_localdisc.stores.segmenter_files import shipped_segmenters
from napari_localdisc.widgets.parts._panel import Panel
from napari_localdisc.widgets.parts._rows import narrow

_OWN = "own"
"""Data of the entry for the session's own prior; others are a kind and a name."""
_READY, _PRIOR = "ready-made", "prior"


class FindRow(QComboBox):
    """Ready-made segmenters, built-in priors and the one made in *Priors*; nothing at first.

    Shared by the panels of a viewer.

    Parameters
    ----------
    panel : Panel
    ready_made : bool
        Whether ready-made segmenters are offered.
    """

    def __init__(self, panel: Panel, *, ready_made: bool = True) -> None:
        super().__init__()
        self._session = panel.session
        self.setPlaceholderText("Choose what to find…")
        self.setToolTip(
            "Ready made: found at once, by what was learned from other images. By simulated shapes:"
            " learned from your images, in minutes. Draw or load other shapes in the Priors panel."
        )
        for name in shipped_segmenters() if ready_made else ():
            self.addItem(f"{in_words(name)}, ready made", f"{_READY} {name}")
        for name in BUILT_IN_PRIORS:
            self.addItem(f"{in_words(name)}, by simulated shapes", f"{_PRIOR} {name}")
        narrow(self)
        self._show()
        self.activated.connect(self._on_chosen)
        panel.listen(self._session.prior_changed, self._show)
        panel.listen(self._session.settings_changed, self._show)

    def _on_chosen(self) -> None:
        kind, _, name = self.currentData().partition(" ")
        self._session.settle(
            ready_made=name if kind == _READY else None, prior=name if kind == _PRIOR else None
        )

    def _show(self, _: object = None) -> None:
        if self.itemData(0) == _OWN:
            self.removeItem(0)
        own = self._session.prior
        if own is not None:
            self.insertItem(0, f"{in_words(Path(own.name).name)}, from Priors", _OWN)
        settings = self._session.settings
        if settings.ready_made is not None:
            chosen = f"{_READY} {settings.ready_made}"
        else:
            chosen = _OWN if settings.prior is None else f"{_PRIOR} {settings.prior}"
        self.setCurrentIndex(self.findData(chosen))  # -1, the placeholder, if there is none


def in_words(name: str) -> str:
    """Write a name as people do: ``optic-disc`` is "Optic disc"."""
    words = name.replace("-", " ").replace("_", " ")
    return words[:1].upper() + words[1:]
