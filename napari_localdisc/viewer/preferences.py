"""What a user has set for this plugin in napari's preferences. No Qt."""

from __future__ import annotations

from dataclasses import dataclass

from napari.settings import get_plugin_settings


@dataclass(frozen=True)
class Preferences:
    """Settings of the page *Local discrimination*, as the manifest declares them.

    Attributes
    ----------
    device : str
        Where panels compute until told otherwise.
    guide_images : int
        At most so many images guide a segmenter.
    opacity : float
        Of result layers, in [0, 1].
    """

    device: str = "auto"
    guide_images: int = 40
    opacity: float = 0.5


def preferences() -> Preferences:
    """Read the preferences; the defaults where napari does not know this plugin."""
    settings = get_plugin_settings().get("napari-localdisc")
    if settings is None:
        return Preferences()
    runs = settings.runs
    return Preferences(runs.device, runs.guide_images, runs.opacity)
