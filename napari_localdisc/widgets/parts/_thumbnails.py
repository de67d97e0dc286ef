"""Reference masks as the network sees them, small and side by side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from qtpy.QtCore import Qt
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSlider, QVBoxLayout, QWidget
from skimage.transform import resize

from napari_localdisc.core.priors.prior import Prior
from napari_localdisc.reports.contact_sheet import COLOURS

COLUMNS = 5
ROWS = 2
TILE = 52
_GAP = 3
_GROUND = 24


class Thumbnails(QWidget):
    """Some masks of a prior at a time, with a slider where there are more."""

    def __init__(self) -> None:
        super().__init__()
        self.sheet = QLabel()
        self.sheet.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setToolTip("Which of the masks are shown.")
        self.slider.valueChanged.connect(self._draw)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.which = QLabel()
        below = QHBoxLayout()
        below.addWidget(self.slider)
        below.addWidget(self.which)
        layout.addWidget(self.sheet)
        layout.addLayout(below)
        self._prior: Prior | None = None
        self.show_prior(None)

    def show_prior(self, prior: Prior | None) -> None:
        """Show the first masks, or nothing for None."""
        self._prior = prior
        self.setVisible(prior is not None)
        rows = 0 if prior is None else -(-len(prior) // COLUMNS)
        self.slider.setRange(0, max(0, rows - ROWS))
        self.slider.setPageStep(ROWS)
        self.slider.setVisible(rows > ROWS)
        self.slider.setValue(0)
        self._draw()

    def _draw(self) -> None:
        if self._prior is None:
            self.sheet.clear()
            return
        first = self.slider.value() * COLUMNS
        sheet = contact_sheet(self._prior, first)
        height, width, _ = sheet.shape
        image = QImage(sheet.tobytes(), width, height, 4 * width, QImage.Format.Format_RGBA8888)
        self.sheet.setPixmap(QPixmap.fromImage(image))
        last = min(first + COLUMNS * ROWS, len(self._prior))
        self.sheet.setToolTip(f"Reference masks {first + 1} to {last} of {len(self._prior)}")
        self.which.setText(f"{first + 1} to {last} of {len(self._prior)}")


def contact_sheet(prior: Prior, first: int = 0) -> npt.NDArray[np.uint8]:
    """Draw some masks of a prior on a grid.

    Parameters
    ----------
    prior : Prior
        The k-th target is drawn in the k-th colour of result layers.
    first : int
        The mask to begin with.

    Returns
    -------
    ndarray of uint8, shape (H, W, 4)
        RGBA; transparent between the masks.
    """
    masks = prior.masks[first : first + COLUMNS * ROWS]
    count = len(masks)
    rows = -(-count // COLUMNS)
    step = TILE + _GAP
    sheet = np.zeros((rows * step - _GAP, COLUMNS * step - _GAP, 4), dtype=np.uint8)
    for number in range(count):
        top, left = (number // COLUMNS) * step, (number % COLUMNS) * step
        sheet[top : top + TILE, left : left + TILE] = _tile(masks[number])
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
