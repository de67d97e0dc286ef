"""The row that says which prior a run is guided by."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QComboBox

from napari_localdisc.core.priors import BUILT_IN_PRIORS
from napari_localdisc.widgets.parts._panel import Panel
from napari_localdisc.widgets.parts._rows import narrow


class PriorRow(QComboBox):
    """A built-in prior, or the one made in the *Priors* panel; shared by the panels of a viewer."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._session = panel.session
        for name in BUILT_IN_PRIORS:
            self.addItem(f"{name} (simulated)", name)
        self.setToolTip("What to look for. Draw or load other shapes in the Priors panel.")
        narrow(self)
        self._show()
        self.activated.connect(self._on_chosen)
        panel.listen(self._session.prior_changed, self._show)
        panel.listen(self._session.settings_changed, self._show)

    def _on_chosen(self) -> None:
        self._session.settle(prior=self.currentData())

    def _show(self, _: object = None) -> None:
        while self.count() > len(BUILT_IN_PRIORS):
            self.removeItem(0)
        prior = self._session.prior
        if prior is not None:
            self.insertItem(0, f"From Priors: {Path(prior.name).name}", None)
        name = self._session.settings.prior
        self.setCurrentIndex(self.findData(name) if name is not None else 0)
