"""The first bytes of a DICOM file: whether it is one, and whether it holds an image."""

from __future__ import annotations

import re
import struct

PREFIX = b"DICM"
"""At byte 128, behind the preamble."""

DIRECTORY = "1.2.840.10008.1.3.10"

_CLASS = re.compile(rb"\x02\x00\x02\x00UI(..)([0-9.]+)", re.DOTALL)
_VALUE_KINDS = (
    b"AE", b"CS", b"DA", b"DT", b"IS", b"LO", b"OB", b"PN", b"SH", b"TM", b"UI", b"UL", b"UN",
)  # fmt: skip
_LONGEST_VALUE = 2**10
"""Bytes of the first value of a data set at most; such as a character set or an image type."""

_STORAGE = "1.2.840.10008.5.1.4.1.1"
_NO_IMAGES = (
    DIRECTORY,
    "1.2.840.10008.5.1.4.38", "1.2.840.10008.5.1.4.39", "1.2.840.10008.5.1.4.43",
    *(f"{_STORAGE}.{number}" for number in (
        "4.2", "9", "11", "66", "66.1", "66.2", "66.3", "66.5", "66.6", "67", "78", "79", "80",
        "88", "104", "481.3", "481.4", "481.5", "481.6", "481.7", "481.8", "481.9",
    )),
)  # fmt: skip
"""Classes of objects without pixels, or the roots that they share."""
_IMAGES_AMONG_THEM = (f"{_STORAGE}.66.4", f"{_STORAGE}.66.7", f"{_STORAGE}.66.8")


def is_dicom(head: bytes) -> bool:
    """Whether a file begins as DICOM does, with or without the preamble before it.

    Parameters
    ----------
    head : bytes
        The first `HEAD` bytes.
    """
    return head[128:132] == PREFIX or _begins_data_set(head)


def holds_no_image(head: bytes) -> bool:
    """Whether a DICOM file says that it is a directory, report or other object without pixels."""
    found = _CLASS.search(head)
    if found is None:
        return False
    uid = found.group(2).decode()
    return not uid.startswith(_IMAGES_AMONG_THEM) and any(
        uid == root or uid.startswith(f"{root}.") for root in _NO_IMAGES
    )


def _begins_data_set(head: bytes) -> bool:
    """Whether the first element is one of the meta header or of the identifying group."""
    if len(head) < 132:
        return False
    for order in "<>":
        group, element = struct.unpack(f"{order}2H", head[:4])
        if group in (0x0002, 0x0008) and element <= 0x0018 and head[4:6] in _VALUE_KINDS:
            return True
    group, element, length = struct.unpack("<2HI", head[:8])
    is_identity = group == 0x0008 and element <= 0x0018
    return bool(is_identity and length % 2 == 0 and length <= _LONGEST_VALUE)
