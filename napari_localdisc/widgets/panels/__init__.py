"""The registry of panels. To add one: a module here, a line in `PANELS`, and one in napari.yaml."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PanelEntry:
    """Where a panel is, and what napari calls it.

    Attributes
    ----------
    id : str
        Its command in ``napari.yaml`` is ``napari-localdisc.ID``.
    title : str
        In napari's menu and above the panel.
    source : str
        ``module:Class`` in this package. It is loaded when a dock asks for it: docks open at once.
    """

    id: str
    title: str
    source: str

    @property
    def path(self) -> str:
        """``"module:Class"``, with the whole name of the module."""
        return f"{__name__}.{self.source}"

    @property
    def dock_name(self) -> str:
        """Name of the class in `docks` that holds the panel: ``"EncoderDock"``."""
        return self.source.partition(":")[2].removesuffix("Panel") + "Dock"


PANELS: tuple[PanelEntry, ...] = (
    PanelEntry("guided", "Find", "guided:GuidedPanel"),
    PanelEntry("priors", "Priors", "priors:PriorsPanel"),
    PanelEntry("clusters", "Clusters", "clusters:ClustersPanel"),
    PanelEntry("folder", "Folder", "folder:FolderPanel"),
    PanelEntry("encoder", "Encoder", "encoder:EncoderPanel"),
)
"""In the order of napari's menu."""
