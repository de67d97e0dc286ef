"""What the dock widgets of one viewer share: encoder, device, prior, segmenter. No Qt."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from psygnal import Signal
from pydantic import BaseModel, ConfigDict, Field

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.core.encoder.encoder import Encoder, default_encoder, load_encoder
from napari_localdisc.core.priors import BUILT_IN_PRIORS
from napari_localdisc.viewer.preferences import preferences

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_localdisc.core.priors.prior import Prior
    from napari_localdisc.core.segmenter.segmenter import Segmenter

AUTOMATIC = "auto"
"""The encoder (or device) that fits; chosen when an image is at hand."""


class RunSettings(BaseModel):
    """What a guided run of the viewer takes, beside encoder, device and images.

    Attributes
    ----------
    prior : str or None
        A built-in prior, or None for the session's own.
    seed : int
    quick : bool
        Seconds instead of minutes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    prior: str | None = BUILT_IN_PRIORS[0]
    seed: int = Field(default=0, ge=0, lt=2**31)
    quick: bool = False


@dataclass(frozen=True, eq=False)
class HeldEncoder:
    """An encoder in memory and the name it goes by: a shipped name or a path."""

    name: str
    encoder: Encoder


@dataclass(frozen=True, eq=False)
class EncoderChoice:
    """Which encoder a run is to use; made in the main thread, resolved in the run's own.

    Attributes
    ----------
    name : str
        A shipped name, a path, or ``"auto"`` for the one that fits the image.
    held : HeldEncoder or None
        The encoder in memory when the run was started.
    """

    name: str
    held: HeldEncoder | None = None

    def obtain(self, image: npt.NDArray[np.generic] | None) -> HeldEncoder:
        """Return the encoder for an image, loading it only if it is not the one held.

        Parameters
        ----------
        image : ndarray, shape (H, W) or (H, W, C), or None
            Decides where the choice is automatic.

        Raises
        ------
        LocaldiscError
            If the encoder cannot be loaded, or there is no image to choose it by.
        """
        name = self.name
        if name == AUTOMATIC:
            if image is None:
                raise LocaldiscError(
                    "there is no image to choose an encoder by; open one or choose one by name."
                )
            name = default_encoder(image)
        if self.held is not None and self.held.name == name:
            return self.held
        return HeldEncoder(name, load_encoder(name))


class Session:
    """The shared state of one viewer's dock widgets.

    Every attribute announces its changes with the signal named after it; setting what is already
    there announces nothing.

    Attributes
    ----------
    encoder_name : str
        ``"auto"``, the name of a shipped encoder or the path of an encoder file.
    encoder : Encoder or None
        The encoder in memory, if one is.
    device : str
        Name of the device that runs use.
    prior : Prior or None
        The reference masks made or loaded last.
    settings : RunSettings
        What guided runs take.
    segmenter : Segmenter or None
        The segmenter made or loaded last.
    """

    encoder_name_changed = Signal(str)
    encoder_changed = Signal(object)
    device_changed = Signal(str)
    prior_changed = Signal(object)
    settings_changed = Signal(RunSettings)
    segmenter_changed = Signal(object)

    def __init__(self) -> None:
        self._encoder_name = AUTOMATIC
        self._held: HeldEncoder | None = None
        self._device = AUTOMATIC
        self._prior: Prior | None = None
        self._settings = RunSettings()
        self._segmenter: Segmenter | None = None

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
            self.unload()
        self.encoder_name_changed.emit(name)

    @property
    def encoder(self) -> Encoder | None:
        """The encoder in memory."""
        return self._held.encoder if self._held is not None else None

    @property
    def encoder_choice(self) -> EncoderChoice:
        """What a run needs to know to get its encoder."""
        return EncoderChoice(self._encoder_name, self._held)

    def hold(self, held: HeldEncoder) -> None:
        """Keep an encoder that a run has loaded, unless another has been chosen meanwhile."""
        if self._encoder_name in (AUTOMATIC, held.name) and held is not self._held:
            self._held = held
            self.encoder_changed.emit(held.encoder)

    def unload(self) -> None:
        """Let go of the encoder in memory and give GPU memory back."""
        if self._held is None:
            return
        self._held = None
        self.encoder_changed.emit(None)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

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
            self.settle(prior=None if prior is not None else BUILT_IN_PRIORS[0])

    @property
    def chosen_prior(self) -> Prior | str:
        """What guided runs take: reference masks, or the name of a built-in prior."""
        name = self._settings.prior
        if name is None and self._prior is not None:
            return self._prior
        return name or BUILT_IN_PRIORS[0]

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

    @property
    def segmenter(self) -> Segmenter | None:
        """The segmenter made or loaded last."""
        return self._segmenter

    @segmenter.setter
    def segmenter(self, segmenter: Segmenter | None) -> None:
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
        _sessions[key].device = preferences().device
        weakref.finalize(viewer, _sessions.pop, key, None)
    return _sessions[key]
