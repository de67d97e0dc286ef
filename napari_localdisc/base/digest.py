"""Digests of weights and settings."""

from __future__ import annotations

import hashlib

from napari_localdisc.base.tensor_files import Arrays


def digest(header: str, tensors: Arrays) -> str:
    """Hash a header and tensors; names, types and shapes count, the order does not.

    Returns
    -------
    str
        SHA-256 in hexadecimal digits.
    """
    found = hashlib.sha256(header.encode())
    for name in sorted(tensors):
        plain = tensors[name]
        found.update(f"\n{name} torch.{plain.dtype} {plain.shape}\n".encode())
        found.update(plain.tobytes())
    return found.hexdigest()
