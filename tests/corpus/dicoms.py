"""DICOM, as devices and archives write it, and torn."""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import PIL.Image
import pydicom
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from tests.corpus.case import Case, picture, stack, truth_of, written

GREY, TRUTH, STACK_TRUTH = picture(), truth_of(picture()), truth_of(stack())
SECRET = "Doe^Jane"
"""A patient whose name must not leave the file."""

_XRAY = "1.2.840.10008.5.1.4.1.1.1.1"
_CT = "1.2.840.10008.5.1.4.1.1.2"


def dataset(pixels: np.ndarray, kind: str = "MONOCHROME2", bits: int = 8, **tags: Any) -> Any:
    """An image with a patient, a study and a place."""
    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.SOPClassUID = _XRAY
    data.Modality = "DX"
    for name in ("SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"):
        setattr(data, name, pydicom.uid.generate_uid(entropy_srcs=[name]))
    data.PatientName, data.PatientID, data.PatientBirthDate = SECRET, "ID-4711", "19500101"
    data.PatientSex = data.StudyID = data.AccessionNumber = data.ReferringPhysicianName = ""
    data.StudyDate, data.StudyTime, data.SeriesNumber, data.InstanceNumber = (
        "20200101",
        "120000",
        1,
        1,
    )
    data.PixelSpacing = [0.25, 0.5]
    data.set_pixel_data(np.ascontiguousarray(pixels), kind, bits)
    for name, value in tags.items():
        setattr(data, name, value)
    return data


def content_of(data: Any, **options: Any) -> bytes:
    """The bytes of a DICOM file."""
    memory = io.BytesIO()
    pydicom.dcmwrite(memory, data, enforce_file_format=True, **options)
    return memory.getvalue()


def _dicom(
    change: Callable[[Any], None] | None = None,
    pixels: np.ndarray = GREY,
    name: str = "a.dcm",
    **tags: Any,
) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        data = dataset(pixels, **tags)
        if change:
            change(data)
        return written(name, content_of(data))(folder)

    return make


def _without(*names: str) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for name in names:
            delattr(data, name)

    return change


def _compressed(syntax: str, body: bytes) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        data.file_meta.TransferSyntaxUID = UID(syntax)
        data.PixelData = encapsulate([body])
        data["PixelData"].is_undefined_length = True

    return change


def _rle(data: Any) -> None:
    data.compress(pydicom.uid.RLELossless, encoding_plugin="pydicom")


def _big_endian() -> bytes:
    data = dataset(GREY.astype(np.uint16), bits=16)
    data.PixelData = GREY.astype(">u2").tobytes()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRBigEndian
    memory = io.BytesIO()
    pydicom.dcmwrite(memory, data, enforce_file_format=True, little_endian=False, implicit_vr=False)
    return memory.getvalue()


def _deflate_bomb() -> bytes:
    """A deflated data set of 400 MB of zeros in 400 kB."""
    data = dataset(GREY)
    data.file_meta.TransferSyntaxUID = pydicom.uid.DeflatedExplicitVRLittleEndian
    whole = content_of(data)
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    element = b"\x09\x00\x10\x10OB\0\0" + (400 * 2**20).to_bytes(4, "little")
    body = packer.compress(element) + b"".join(packer.compress(bytes(2**20)) for _ in range(400))
    meta = 128 + 4 + 12 + int.from_bytes(whole[140:144], "little")
    return whole[:meta] + body + packer.flush()


def _jpeg(kind: str = "JPEG", shown: np.ndarray = GREY, **options: Any) -> bytes:
    memory = io.BytesIO()
    PIL.Image.fromarray(shown).save(memory, kind, **options)
    return memory.getvalue()


def _voi(data: Any) -> None:
    table = pydicom.Dataset()
    table.LUTDescriptor = [256, 0, 16]
    table.add_new("LUTData", "US", [value * 200 for value in range(255, -1, -1)])
    data.VOILUTSequence = pydicom.Sequence([table])


def _paletted(data: Any) -> None:
    data.PhotometricInterpretation = "PALETTE COLOR"
    for colour in ("Red", "Green", "Blue"):
        setattr(data, f"{colour}PaletteColorLookupTableDescriptor", [256, 0, 16])
        table = np.arange(255, -1, -1, dtype="<u2") * 257
        setattr(data, f"{colour}PaletteColorLookupTableData", table.tobytes())


def _padded(data: Any) -> None:
    pixels = GREY.astype(np.int16)
    pixels[-9:] = -2000
    data.set_pixel_data(pixels, "MONOCHROME2", 16)
    data.PixelPaddingValue = -2000


_PLAIN = content_of(dataset(GREY))
_COLOUR = np.dstack([GREY] * 3)
_WIDE = GREY.astype(np.uint16) * 10
_JPEG2000, _JPEG_LS, _LOSSLESS = (f"1.2.840.10008.1.2.4.{n}" for n in (90, 80, 70))
_CT_PLACE = {
    "SOPClassUID": _CT, "Modality": "CT", "ImagePositionPatient": [-10, -20, 30], "SliceThickness": 2,
    "ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "FrameOfReferenceUID": "1.2.3.4", "RescaleSlope": 2, "RescaleIntercept": -1024,
}  # fmt: skip

DICOMS: dict[str, Case] = {
    "dicom": Case(_dicom(), TRUTH),
    "dicom ct": Case(_dicom(pixels=_WIDE, bits=16, **_CT_PLACE), TRUTH),
    "dicom dark for bright": Case(_dicom(pixels=255 - GREY, kind="MONOCHROME1"), TRUTH),
    "dicom window": Case(_dicom(pixels=_WIDE, bits=12, WindowCenter=1200, WindowWidth=2000), TRUTH),
    "dicom several windows": Case(_dicom(pixels=_WIDE, bits=12, WindowCenter=[1200, 5], WindowWidth=[2000, 9]), TRUTH),
    "dicom window without width": Case(_dicom(WindowCenter=100, WindowWidth=0), TRUTH),
    "dicom empty window": Case(_dicom(WindowCenter=None, WindowWidth=None), TRUTH),
    "dicom voi table": Case(_dicom(_voi, pixels=255 - GREY), TRUTH),
    "dicom signed": Case(_dicom(pixels=GREY.astype(np.int16) - 1024, bits=16), TRUTH),
    "dicom padding": Case(_dicom(_padded), TRUTH),
    "dicom rgb": Case(_dicom(pixels=_COLOUR, kind="RGB"), TRUTH),
    "dicom ybr": Case(_dicom(pixels=np.dstack([GREY, 0 * GREY + 128, 0 * GREY + 128]), kind="YBR_FULL"), TRUTH),
    "dicom palette": Case(_dicom(_paletted, pixels=255 - GREY), TRUTH),
    "dicom frames": Case(_dicom(pixels=stack()), STACK_TRUTH),
    "dicom rgb frames": Case(_dicom(pixels=np.stack([stack()] * 3, axis=-1), kind="RGB"), STACK_TRUTH),
    "dicom three frames three wide": Case(_dicom(pixels=np.zeros((20, 3, 3), np.uint8)), says="3"),
    "dicom rle": Case(_dicom(_rle), TRUTH),
    "dicom jpeg": Case(_dicom(_compressed("1.2.840.10008.1.2.4.50", _jpeg(quality=95))), TRUTH),
    "dicom jpeg cut": Case(_dicom(_compressed("1.2.840.10008.1.2.4.50", _jpeg(quality=95)[:200])), says="a.dcm"),
    "dicom jpeg is text": Case(_dicom(_compressed("1.2.840.10008.1.2.4.50", b"text" * 30)), says="a.dcm"),
    "dicom jpeg 2000": Case(_dicom(_compressed(_JPEG2000, _jpeg("JPEG2000", no_jp2=True))), TRUTH),
    "dicom jpeg of another size": Case(_dicom(_compressed(_JPEG2000, _jpeg("JPEG2000", shown=np.zeros((400, 400), np.uint8), no_jp2=True))), says="a.dcm"),
    "dicom jpeg lossless": Case(_dicom(_compressed(_LOSSLESS, b"\xff\xd8\xff\xc3" + bytes(60))), says="a.dcm"),
    "dicom jpeg-ls damaged": Case(_dicom(_compressed(_JPEG_LS, b"\xff\xd8\xff\xf7" + bytes(60))), says="a.dcm"),
    "dicom mpeg": Case(_dicom(_compressed("1.2.840.10008.1.2.4.102", bytes(60))), says="1.2.840.10008.1.2.4.102"),
    "dicom unknown syntax": Case(written("a.dcm", _PLAIN.replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.9.9.9\0")), says="a.dcm"),
    "dicom big-endian": Case(written("a.dcm", _big_endian()), TRUTH),
    "dicom deflate bomb": Case(written("a.dcm", _deflate_bomb()), says="LOCALDISC_MAX_PIXELS"),
    "dicom without pixels": Case(_dicom(_without("PixelData")), says="no image"),
    "dicom without size": Case(_dicom(_without("Rows", "Columns")), says="a.dcm"),
    "dicom without patient": Case(_dicom(_without("PatientName", "PatientID", "PatientBirthDate", "PatientSex")), TRUTH),
    "dicom without uids": Case(_dicom(_without("StudyInstanceUID", "SeriesInstanceUID")), TRUTH),
    "dicom with bad dates": Case(_dicom(PatientBirthDate="yesterday", StudyDate="31.12.2020"), TRUTH),
    "dicom with a bad number": Case(_dicom(RescaleSlope="1", RescaleIntercept="0", PixelSpacing=["0.1", "1e-3"]), TRUTH),
    "dicom declared absurdly large": Case(_dicom(Rows=65535, Columns=65535), says="LOCALDISC_MAX_PIXELS"),
    "dicom absurdly many frames": Case(_dicom(NumberOfFrames=2**31 - 1), says="LOCALDISC_MAX_PIXELS"),
    "dicom larger than its pixels": Case(_dicom(Rows=80), says="a.dcm"),
    "dicom float pixels": Case(_dicom(lambda data: (_without("PixelData")(data), setattr(data, "FloatPixelData", GREY.astype("<f4").tobytes()), setattr(data, "BitsAllocated", 32))), TRUTH),
    "dicom odd bits": Case(_dicom(BitsAllocated=13), says="a.dcm"),
    "dicom no samples": Case(_dicom(SamplesPerPixel=0), says="a.dcm"),
    "dicom zero bytes": Case(written("a.dcm", b""), says="empty"),
    "dicom only preamble": Case(written("a.dcm", _PLAIN[:132]), says="a.dcm"),
    "dicom cut in meta": Case(written("a.dcm", _PLAIN[:200]), says="a.dcm"),
    "dicom cut in tags": Case(written("a.dcm", _PLAIN[:500]), says="a.dcm"),
    "dicom cut in pixels": Case(written("a.dcm", _PLAIN[:-99]), says="a.dcm"),
    "dicom without preamble": Case(written("a.dcm", _PLAIN[132:]), TRUTH),
    "dicom without meta header": Case(written("a.dcm", _PLAIN[144 + int.from_bytes(_PLAIN[140:144], "little") :]), TRUTH),
    "dicom named by its uid": Case(_dicom(name="CR.1.2.840.113619.2"), TRUTH),
    "dicom named ima": Case(_dicom(name="A.IMA"), TRUTH),
    "dicom window beside its pixels": Case(_dicom(WindowCenter=0, WindowWidth=1), TRUTH),
    "dicom empty rescale": Case(_dicom(RescaleSlope=None, RescaleIntercept=None), TRUTH),
    "dicom sex of no list": Case(_dicom(PatientSex="N/A"), TRUTH),
    "dicom character set of no list": Case(_dicom(SpecificCharacterSet="ISO 2022 IR 6"), TRUTH),
    "dicom one frame of photographs": Case(_dicom(pixels=_COLOUR, kind="RGB", SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.5.1", NumberOfFrames=1), TRUTH),
    "dicom ct without thickness": Case(_dicom(_without("SliceThickness"), **_CT_PLACE), TRUTH),
    "dicom ct without spacing": Case(_dicom(_without("PixelSpacing"), **_CT_PLACE), TRUTH),
    "dicom is text": Case(written("a.dcm", b"nothing of the kind"), says="a.dcm"),
    "dicom named png": Case(_dicom(name="a.png"), TRUTH),
    "dicom without ending": Case(_dicom(name="IM000001"), TRUTH),
    "png named dicom": Case(written("a.dcm", _jpeg("PNG")), TRUTH),
    "dicom directory": Case(_dicom(lambda data: (_without("PixelData", "Rows", "Columns")(data), setattr(data, "SOPClassUID", "1.2.840.10008.1.3.10"))), says="no image"),
}  # fmt: skip
