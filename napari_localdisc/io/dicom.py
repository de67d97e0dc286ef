"""DICOM files that hold one image, read with pydicom where it is installed."""

from __future__ import annotations

import importlib
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from napari_localdisc.core.errors import LocaldiscError

SUFFIXES = (".dcm", ".dicom")
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
_PIXEL_DESCRIPTION = (
    "LargestImagePixelValue", "SmallestImagePixelValue", "ModalityLUTSequence", "PixelPaddingValue",
    "RescaleIntercept", "RescaleSlope", "RescaleType", "VOILUTSequence", "WindowCenter",
    "WindowWidth", "PlanarConfiguration", "LossyImageCompression",
)  # fmt: skip


@dataclass(frozen=True)
class DicomGeometry:
    """The tags of the image: patient, study, position and pixel spacing."""

    tags: Any

    suffix = ".dcm"

    def save(self, labels: npt.NDArray[np.uint8], path: Path) -> None:
        """Write labels as a derived DICOM image of the same study and place."""
        pydicom = _pydicom(path)
        mask = self.tags.copy()
        for name in _PIXEL_DESCRIPTION:
            mask.pop(name, None)
        mask.SOPClassUID = _SECONDARY_CAPTURE
        mask.SOPInstanceUID = pydicom.uid.generate_uid()
        mask.SeriesInstanceUID = pydicom.uid.generate_uid()
        mask.SeriesDescription = "napari-localdisc mask"
        mask.ImageType = ["DERIVED", "SECONDARY"]
        mask.file_meta = pydicom.dataset.FileMetaDataset()
        mask.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
        mask.set_pixel_data(np.ascontiguousarray(labels), "MONOCHROME2", 8)
        pydicom.dcmwrite(path, mask, enforce_file_format=True)


def read_dicom(path: Path) -> tuple[npt.NDArray[np.generic], DicomGeometry]:
    """Read a single-frame DICOM file, with its window applied and bright as bright.

    Returns
    -------
    pixels : ndarray, shape (H, W) or (H, W, 3)
    geometry : DicomGeometry

    Raises
    ------
    LocaldiscError
        If pydicom is missing, the file cannot be decoded, or it holds several frames.
    """
    pydicom = _pydicom(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tags = pydicom.dcmread(path)
            pixels = _decode(tags)
    except Exception as error:
        raise LocaldiscError(
            f"{path} is not a DICOM image that can be read ({error}); export it again without"
            " compression."
        ) from error
    if pixels.ndim != 2 and pixels.shape[-1] != 3:
        raise LocaldiscError(
            f"{path} holds frames of shape {pixels.shape}; expected one image: save the frame you"
            " want on its own."
        )
    del tags.PixelData
    return pixels, DicomGeometry(tags)


def _decode(tags: Any) -> npt.NDArray[np.generic]:
    processing = importlib.import_module("pydicom.pixels")
    pixels = processing.apply_modality_lut(tags.pixel_array, tags)
    pixels = processing.apply_voi_lut(pixels, tags)
    if tags.PhotometricInterpretation == "MONOCHROME1":
        pixels = pixels.max() - pixels
    return np.asarray(pixels)


def _pydicom(path: Path) -> Any:
    try:
        return importlib.import_module("pydicom")
    except ImportError as error:
        raise LocaldiscError(
            f"{path} is a DICOM file and pydicom is not installed; run:"
            " pip install 'napari-localdisc[medical]'"
        ) from error
