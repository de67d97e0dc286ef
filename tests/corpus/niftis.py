"""NIfTI, as scanners and programs write it, and torn."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np

from tests.corpus.case import Case, picture, stack, truth_of, written

TRUTH, STACK_TRUTH = truth_of(picture()), truth_of(stack())
UPRIGHT = np.diag([-0.5, -0.5, -2.0, 1.0])
"""Columns grow to the patient's left, rows to the back, planes to the feet."""


def stored(pixels: np.ndarray) -> np.ndarray:
    """An image (H, W) or stack (N, H, W) as NIfTI keeps it."""
    return np.ascontiguousarray(pixels.T)


def _content(
    array: np.ndarray, affine: np.ndarray = UPRIGHT, kind: type = nibabel.Nifti1Image
) -> bytes:
    return kind(array, affine).to_bytes()


def _nifti(
    array: np.ndarray, affine: np.ndarray = UPRIGHT, kind: type = nibabel.Nifti1Image
) -> Callable[[Path], Path]:
    return lambda folder: written("a.nii", _content(array, affine, kind))(folder)


def _patched(offset: int, form: str, *values: float) -> bytes:
    content = bytearray(_PLAIN)
    struct.pack_into(form, content, offset, *values)
    return bytes(content)


def _pair(
    named: str = ".hdr", kind: type = nibabel.Nifti1Pair, keep: bool = True
) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        nibabel.save(kind(_VOLUME, UPRIGHT), folder / "a.hdr")
        if not keep:
            (folder / "a.img").unlink()
        return folder / f"a{named}"

    return make


def _turned() -> np.ndarray:
    affine = np.diag([0.5, 0.5, 2.0, 1.0])
    affine[:3, 3] = (-3, 4, 5)
    return affine


def _oblique() -> np.ndarray:
    angle = np.deg2rad(20)
    turn = np.array(
        [[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]]
    )
    affine = np.eye(4)
    affine[:3, :3] = turn @ UPRIGHT[:3, :3]
    return affine


def _scaled() -> bytes:
    image = nibabel.Nifti1Image(stored(picture()), UPRIGHT)
    image.header.set_slope_inter(0.5, -100)
    return image.to_bytes()


_FLAT = stored(picture())
_VOLUME = stored(stack())
_PLAIN = _content(_FLAT)
_GZIP = gzip.compress(_content(_VOLUME), mtime=0)
_RGB = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])
_ONE = np.eye(4)
_ONE[2, 2] = 0

NIFTIS: dict[str, Case] = {
    "nifti": Case(_nifti(_FLAT), TRUTH),
    "nifti gzip": Case(written("a.nii.gz", gzip.compress(_PLAIN)), TRUTH),
    "nifti grows right and front": Case(_nifti(_FLAT[::-1, ::-1], _turned()), TRUTH),
    "nifti oblique": Case(_nifti(_FLAT, _oblique()), TRUTH),
    "nifti volume": Case(_nifti(_VOLUME), STACK_TRUTH),
    "nifti volume gzip": Case(written("a.nii.gz", _GZIP), STACK_TRUTH),
    "nifti float volume": Case(_nifti(_VOLUME.astype(np.float64)), STACK_TRUTH),
    "nifti big-endian": Case(_nifti(_FLAT.astype(">i2")), TRUTH),
    "nifti scaled": Case(written("a.nii", _scaled()), TRUTH),
    "nifti version 2": Case(_nifti(_VOLUME, kind=nibabel.Nifti2Image), STACK_TRUTH),
    "nifti 4-D": Case(_nifti(np.stack([_VOLUME] * 4, axis=-1)), says="4"),
    "nifti 4-D of one": Case(_nifti(_VOLUME[..., None]), STACK_TRUTH),
    "nifti rgb": Case(_nifti(np.zeros((56, 40), _RGB)), says="a.nii"),
    "nifti complex": Case(_nifti(_FLAT.astype(np.complex64)), says="complex"),
    "nifti all nan": Case(_nifti(np.full((56, 40), np.nan, np.float32)), says="no finite pixel"),
    "nifti nan in it": Case(_nifti(np.where(_FLAT == 43, np.nan, _FLAT).astype(np.float32)), TRUTH),
    "nifti singular affine": Case(written("a.nii", _patched(280, "<12f", *_ONE[:3].ravel())), says="affine"),
    "nifti zero affine": Case(written("a.nii", _patched(280, "<12f", *[0.0] * 12)), says="affine"),
    "nifti nan affine": Case(written("a.nii", _patched(280, "<12f", *[np.nan] * 12)), says="affine"),
    "nifti no affine codes": Case(written("a.nii", _patched(252, "<2h", 0, 0)), TRUTH[::-1]),
    "nifti declared absurdly large": Case(written("a.nii", _patched(40, "<8h", 3, 32767, 32767, 32767, 1, 1, 1, 1)), says="LOCALDISC_MAX_PIXELS"),
    "nifti negative size": Case(written("a.nii", _patched(40, "<8h", 2, -56, 40, 1, 1, 1, 1, 1)), says="a.nii"),
    "nifti zero size": Case(written("a.nii", _patched(40, "<8h", 2, 0, 40, 1, 1, 1, 1, 1)), says="a.nii"),
    "nifti no axes": Case(written("a.nii", _patched(40, "<8h", 0, 56, 40, 1, 1, 1, 1, 1)), says="a.nii"),
    "nifti data far away": Case(written("a.nii.gz", gzip.compress(_patched(108, "<f", 1e12))), says="a.nii.gz"),
    "nifti unknown type": Case(written("a.nii", _patched(70, "<2h", 4711, 8)), says="a.nii"),
    "nifti huge extension": Case(written("a.nii", _patched(108, "<f", 2.0**27)[:348] + b"\1\0\0\0" + struct.pack("<2i", 2**27 - 352, 4) + _PLAIN[352:]), says="a.nii"),
    "nifti zero bytes": Case(written("a.nii", b""), says="empty"),
    "nifti cut in header": Case(written("a.nii", _PLAIN[:100]), says="a.nii"),
    "nifti cut before data": Case(written("a.nii", _PLAIN[:352]), says="a.nii"),
    "nifti cut in data": Case(written("a.nii", _PLAIN[:-9]), says="a.nii"),
    "nifti gzip cut in header": Case(written("a.nii.gz", _GZIP[:7]), says="a.nii.gz"),
    "nifti gzip cut in data": Case(written("a.nii.gz", _GZIP[: len(_GZIP) // 2]), says="a.nii.gz"),
    "nifti gzip wrong checksum": Case(written("a.nii.gz", _GZIP[:-8] + bytes(8)), says="a.nii.gz"),
    "nifti gzip of text": Case(written("a.nii.gz", gzip.compress(b"text" * 200)), says="a.nii.gz"),
    "nifti not gzip": Case(written("a.nii.gz", _PLAIN), TRUTH),
    "nifti gzip named nii": Case(written("a.nii", gzip.compress(_PLAIN)), TRUTH),
    "nifti one voxel": Case(_nifti(np.ones((1, 1, 1), np.uint8)), says="1 x 1"),
    "nifti pair": Case(_pair(), STACK_TRUTH),
    "nifti pair by its pixels": Case(_pair(".img"), STACK_TRUTH),
    "nifti pair version 2": Case(_pair(kind=nibabel.Nifti2Pair), STACK_TRUTH),
    "nifti pair without pixels": Case(_pair(keep=False), says="a.img is not beside it"),
    "analyze": Case(written("a.hdr", struct.pack("<i", 348) + bytes(344)), says="convert it to .nii"),
    "nifti named png": Case(written("a.png", _PLAIN), TRUTH),
}  # fmt: skip
