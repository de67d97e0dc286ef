"""Reference masks as the network sees them, small and side by side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QLabel
from skimage.transform import resize

from napari_localdisc.core.priors import Prior
from napari_localdisc.io.overview import COLOURS

COLUMNS = 5
ROWS = 2
TILE = 52
_GAP = 3
_GROUND = 24


class Thumbnails(QLabel):
    """The first masks of a prior."""

    def __init__(self) -> None:
        super().__init__()
        self.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.show_prior(None)

    def show_prior(self, prior: Prior | None) -> None:
        """Show some masks, or nothing for None."""
        if prior is None:
            self.clear()
            self.hide()
            return
        sheet = contact_sheet(prior)
        height, width, _ = sheet.shape
        image = QImage(sheet.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
        self.setPixmap(QPixmap.fromImage(image))
        self.setToolTip(f"{min(len(prior), COLUMNS * ROWS)} of the {len(prior)} reference masks")
        self.show()


def contact_sheet(prior: Prior) -> npt.NDArray[np.uint8]:
    """Draw the first masks of a prior on a grid.

    Parameters
    ----------
    prior : Prior
        The k-th target is drawn in the k-th colour of result layers.

    Returns
    -------
    ndarray of uint8, shape (H, W, 4)
        RGBA; transparent between the masks.
    """
    count = min(len(prior), COLUMNS * ROWS)
    rows = -(-count // COLUMNS)
    step = TILE + _GAP
    sheet = np.zeros((rows * step - _GAP, COLUMNS * step - _GAP, 4), dtype=np.uint8)
    for number in range(count):
        top, left = (number // COLUMNS) * step, (number % COLUMNS) * step
        sheet[top : top + TILE, left : left + TILE] = _tile(prior.masks[number])
    return sheet


def _tile(masks: npt.NDArray[np.bool_]) -> npt.NDArray[np.uint8]:
    tile = np.full((TILE, TILE, 3), _GROUND, dtype=np.float32)
    for index, mask in enumerate(masks):
        cover = resize(mask.astype(np.float32), (TILE, TILE), order=1, anti_aliasing=True)[
            ..., None
        ]
        tile += cover * (np.array(COLOURS[index % len(COLOURS)], dtype=np.float32) - tile)
    opaque = np.full((TILE, TILE, 1), 255)
    return np.concatenate([tile.round(), opaque], axis=-1).astype(np.uint8)
