"""Masks of DICOM images and maps of confidence, in their images' place.

They are made of the white list of `source`, never of a copy of the image's header.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from napari_localdisc.formats.dicom.frames import save_frames
from napari_localdisc.formats.dicom.identity import CONFIDENCE, MASK, Labels, told_of
from napari_localdisc.formats.dicom.segmentation import save_segmentation
from napari_localdisc.formats.dicom.source import Source, spacing_of


@dataclass(frozen=True)
class DicomGeometry:
    """Where an image lies.

    Attributes
    ----------
    source : Source
        What masks repeat of the image's header.
    path : Path
        The image's file.
    notes : tuple of str
        A sentence for all that was missing, or could not be used.
    """

    source: Source
    path: Path
    notes: tuple[str, ...] = ()

    suffix = ".dcm"
    shown_as_picture = False

    @property
    def spacing(self) -> tuple[float, ...] | None:
        """Millimetres between frames, rows and columns."""
        return spacing_of(self.source.places)

    def save(self, labels: Labels, path: Path, targets: Sequence[str] = ()) -> None:
        """Write labels (H, W) as a DICOM segmentation, (N, H, W) as frames of a derived image.

        The general multi-frame images have no place for each frame that a segmentation could refer
        to; the derived image keeps whatever they say about their place. It is put together by hand,
        for highdicom makes secondary captures of a single frame only.
        """
        self._write(labels, path, targets, MASK)

    def save_shares(self, shares: Labels, path: Path) -> None:
        """Write shares alike: as a DICOM segmentation of probabilities, or frames of shades."""
        self._write(shares, path, (CONFIDENCE,), CONFIDENCE)

    def _write(self, numbers: Labels, path: Path, names: Sequence[str], what: str) -> None:
        if numbers.ndim == 2:
            save_segmentation([self.source], numbers[None], path, names, self.path, what)
        else:
            with told_of(self.path):
                save_frames(self.source, numbers, path, what)
