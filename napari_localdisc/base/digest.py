"""Digests of weights and settings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import torch
from torch import Tensor


def digest(header: str, tensors: Mapping[str, Tensor]) -> str:
    """Hash a header and tensors; names, types and shapes count, the order does not.

    Returns
    -------
    str
        SHA-256 in hexadecimal digits.
    """
    found = hashlib.sha256(header.encode())
    for name in sorted(tensors):
        plain = tensors[name].detach().cpu().contiguous()
        found.update(f"\n{name} {plain.dtype} {tuple(plain.shape)}\n".encode())
        found.update(plain.reshape(-1).view(torch.uint8).numpy().tobytes())
    return found.hexdigest()
