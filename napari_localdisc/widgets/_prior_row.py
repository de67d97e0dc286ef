"""The row that says which prior a run is guided by."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QComboBox

from napari_localdisc.core.priors import Prior
from napari_localdisc.core.shapes import BUILT_IN_PRIORS
from napari_localdisc.widgets._panel import Panel
from napari_localdisc.widgets._rows import narrow


class PriorRow(QComboBox):
    """A built-in prior, or the one made in the *Priors* panel once there is one."""

    def __init__(self, panel: Panel) -> None:
        super().__init__()
        self._session = panel.session
        for name in BUILT_IN_PRIORS:
            self.addItem(f"{name} (simulated)", name)
        self.setToolTip("What to look for. Draw or load other shapes in the Priors panel.")
        narrow(self)
        self._show(self._session.prior)
        panel.listen(self._session.prior_changed, self._show)

    @property
    def prior(self) -> Prior | str:
        """The prior made in the *Priors* panel, or the name of a built-in one."""
        chosen: Prior | str = self.currentData()
        return chosen

    def _show(self, prior: Prior | None) -> None:
        while self.count() > len(BUILT_IN_PRIORS):
            self.removeItem(0)
        if prior is not None:
            self.insertItem(0, f"From Priors: {Path(prior.name).name}", prior)
            self.setCurrentIndex(0)
