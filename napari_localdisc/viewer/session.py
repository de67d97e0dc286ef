"""What the dock widgets of one viewer share: encoder, device, prior, segmenter. No Qt."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

from psygnal import Signal
from pydantic import BaseModel, ConfigDict, Field

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.compute.client import compute_process
from napari_localdisc.compute.results import HeldEncoder
from napari_localdisc.viewer.preferences import preferences

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from napari.layers import Layer

    from napari_localdisc.core.priors.prior import Prior
    from napari_localdisc.stores.segmenter_files import SegmenterFile

AUTOMATIC = "auto"
"""The encoder (or device) that fits; chosen when an image is at hand."""


class RunSettings(BaseModel):
    """What a guided run of the viewer takes, beside encoder, device and images.

    Attributes
    ----------
    ready_made : str or None
        A shipped segmenter that runs use as it is, without any guidance; None to guide.
    prior : str or None
        A built-in prior, or None for the session's own.
    seed : int
    quick : bool
        Seconds instead of minutes.
    guide_images : int
        At most so many images guide a segmenter.
    every_plane : bool
        Whether all planes of stacks guide, or the one in view.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    ready_made: str | None = None
    prior: str | None = None
    seed: int = Field(default=0, ge=0, lt=2**31)
    quick: bool = False
    guide_images: int = Field(default=40, ge=1)
    every_plane: bool = True


class Session:
    """The shared state of one viewer's dock widgets.

    Every attribute announces its changes with the signal named after it; setting what is already
    there announces nothing.

    Attributes
    ----------
    encoder_name : str
        ``"auto"``, the name of a shipped encoder or the path of an encoder file.
    encoder : HeldEncoder or None
        The encoder that the process that computes holds, if it holds one.
    device : str
        Name of the device that runs use.
    prior : Prior or None
        The reference masks made or loaded last.
    settings : RunSettings
        What guided runs take.
    segmenter : SegmenterFile or None
        The segmenter made or loaded last.
    unticked : set of Layer
        Images that are to guide no segmenter.
    """

    encoder_name_changed = Signal(str)
    encoder_changed = Signal(object)
    device_changed = Signal(str)
    prior_changed = Signal(object)
    settings_changed = Signal(RunSettings)
    segmenter_changed = Signal(object)
    ticks_changed = Signal(object)

    def __init__(self) -> None:
        self._encoder_name = AUTOMATIC
        self._held: HeldEncoder | None = None
        self._device = AUTOMATIC
        self._prior: Prior | None = None
        self._settings = RunSettings()
        self._segmenter: SegmenterFile | None = None
        self.unticked: weakref.WeakSet[Layer] = weakref.WeakSet()

    @property
    def encoder_name(self) -> str:
        """Which encoder runs use."""
        return self._encoder_name

    @encoder_name.setter
    def encoder_name(self, name: str) -> None:
        if name == self._encoder_name:
            return
        self._encoder_name = name
        if self._held is not None and name not in (AUTOMATIC, self._held.name):
            self.lose()
        self.encoder_name_changed.emit(name)

    @property
    def encoder(self) -> HeldEncoder | None:
        """The encoder in memory."""
        return self._held

    def hold(self, held: HeldEncoder) -> None:
        """Keep an encoder that a run has loaded, unless another has been chosen meanwhile."""
        if self._encoder_name in (AUTOMATIC, held.name) and held != self._held:
            self._held = held
            self.encoder_changed.emit(held)

    def unload(self) -> None:
        """End the process that computes: its encoder and all its memory, a GPU's too, are free."""
        compute_process().stop()
        self.lose()

    def lose(self) -> None:
        """Note that no encoder is in memory any more."""
        if self._held is not None:
            self._held = None
            self.encoder_changed.emit(None)

    @property
    def device(self) -> str:
        """Name of the device that runs use."""
        return self._device

    @device.setter
    def device(self, name: str) -> None:
        if name != self._device:
            self._device = name
            self.device_changed.emit(name)

    @property
    def prior(self) -> Prior | None:
        """The reference masks made or loaded last; new ones are what runs take next."""
        return self._prior

    @prior.setter
    def prior(self, prior: Prior | None) -> None:
        if prior is not self._prior:
            self._prior = prior
            self.prior_changed.emit(prior)
            self.settle(prior=None, ready_made=None)

    @property
    def chosen_prior(self) -> Prior | str:
        """What guided runs take: reference masks, or the name of a built-in prior.

        Raises
        ------
        LocaldiscError
            If none is chosen.
        """
        chosen = self._settings.prior or self._prior
        if chosen is None:
            raise LocaldiscError(
                "nothing to find is chosen; choose it from the list, or draw it in Priors."
            )
        return chosen

    @property
    def settings(self) -> RunSettings:
        """What guided runs take."""
        return self._settings

    def settle(self, **changes: object) -> None:
        """Change some of the settings; pydantic's ``ValidationError`` is raised for bad ones."""
        settings = RunSettings.model_validate({**self._settings.model_dump(), **changes})
        if settings != self._settings:
            self._settings = settings
            self.settings_changed.emit(settings)

    def tick(self, layer: Layer, ticked: bool = True) -> None:
        """Let an image guide segmenters, or not."""
        if ticked is (layer in self.unticked):
            (self.unticked.discard if ticked else self.unticked.add)(layer)
            self.ticks_changed.emit(layer)

    @property
    def segmenter(self) -> SegmenterFile | None:
        """The segmenter made or loaded last."""
        return self._segmenter

    @segmenter.setter
    def segmenter(self, segmenter: SegmenterFile | None) -> None:
        if segmenter is not self._segmenter:
            self._segmenter = segmenter
            self.segmenter_changed.emit(segmenter)


_sessions: dict[int, Session] = {}


def session_of(viewer: ViewerModel) -> Session:
    """Return the session of a viewer; it lives as long as the viewer."""
    viewer = getattr(viewer, "__wrapped__", viewer)
    key = id(viewer)
    if key not in _sessions:
        _sessions[key] = Session()
        found = preferences()
        _sessions[key].device = found.device
        _sessions[key].settle(guide_images=found.guide_images)
        weakref.finalize(viewer, _sessions.pop, key, None)
    return _sessions[key]
