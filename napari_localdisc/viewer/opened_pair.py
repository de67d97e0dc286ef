"""One image file in view with its masks, whose place the next one takes. No Qt."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from napari.layers import Image, Labels

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.progress import Run
from napari_localdisc.formats.images import Image as SourceImage
from napari_localdisc.reports.report import FileResult
from napari_localdisc.viewer.corrections import save_correction
from napari_localdisc.viewer.results import Opened, show_result
from napari_localdisc.viewer.saving import fingerprint
from napari_localdisc.viewer.visibility import image_of, show_image

if TYPE_CHECKING:
    from napari.components import ViewerModel


@dataclass
class _OpenedMask:
    """A mask as it is in its file, with the image that it is of."""

    file: Path
    image: SourceImage
    saved: int


class OpenedPair:
    """The image and the masks that were opened last.

    What somebody works on stays: masks that were painted on, and images that anything else in the
    viewer belongs to.

    Parameters
    ----------
    viewer : ViewerModel
    """

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._image: Image | None = None
        self._current: list[Labels] = []
        self._masks: dict[Labels, _OpenedMask] = {}

    @property
    def is_open(self) -> bool:
        """Whether the image is still in the viewer."""
        return self._image in self._viewer.layers

    @property
    def painted(self) -> list[Labels]:
        """Masks that were painted on since they were opened or saved, of images before as well."""
        return [
            layer
            for layer, mask in self._masks.items()
            if layer in self._viewer.layers and fingerprint(layer.data) != mask.saved
        ]

    def show(self, opened: Opened) -> None:
        """Show an image with its masks, alone, in the place of those before."""
        self._leave()
        self._image, self._current = show_result(self._viewer, opened)
        for layer, (_, found) in zip(self._current, opened.masks, strict=True):
            self._masks[layer] = _OpenedMask(found.mask, opened.image, fingerprint(layer.data))
        show_image(self._viewer, self._image, *self._current)

    def corrections(self) -> Run[list[FileResult]]:
        """Save all masks that were painted on, each in the place of what was found.

        Raises
        ------
        LocaldiscError
            If none was, or one cannot be saved.
        """
        if not self.painted:
            raise LocaldiscError(
                "no mask of this folder was painted on; open a row by a double-click, and correct"
                " its mask by napari's brush first."
            )
        return self._save([(layer, self._masks[layer]) for layer in self.painted])

    def _save(self, painted: list[tuple[Labels, _OpenedMask]]) -> Run[list[FileResult]]:
        copies = [np.array(layer.data, dtype=np.uint8) for layer, _ in painted]
        results = []
        for labels, (_, mask) in zip(copies, painted, strict=True):
            result = yield from save_correction(labels, mask.file, mask.image)
            mask.saved = fingerprint(labels)
            results.append(result)
        return results

    def _leave(self) -> None:
        """Remove what nobody works on."""
        layers = self._viewer.layers
        there = [mask for mask in self._current if mask in layers]
        painted = set(self.painted) & set(there)
        used = any(
            image_of(layer, self._viewer) is self._image
            for layer in layers
            if layer not in self._current
        )
        if self._image in layers and not (painted or used):
            for layer in (*there, self._image):
                layers.remove(layer)
        self._masks = {layer: mask for layer, mask in self._masks.items() if layer in layers}
