"""Weights from strangers: files that are torn, lie about their size, or mean harm."""

from __future__ import annotations

import json
import os
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

Change = Callable[[dict[str, Any]], None]


class _Harm:
    """Unpickled, it makes a folder."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., None], tuple[str]]:
        return os.mkdir, (str(self.trace),)


def parts_of(content: bytes) -> tuple[dict[str, Any], bytes]:
    """Take a safetensors file apart: header and data."""
    length = struct.unpack_from("<Q", content)[0]
    return json.loads(content[8 : 8 + length]), content[8 + length :]


def joined(header: dict[str, Any] | bytes, data: bytes) -> bytes:
    """Put a safetensors file together."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def with_header(content: bytes, change: Change) -> bytes:
    """Change the header of a file."""
    header, data = parts_of(content)
    change(header)
    return joined(header, data)


def with_card(content: bytes, **values: Any) -> bytes:
    """Change the card of a file, that of an encoder or of the encoder in a segmenter."""

    def change(header: dict[str, Any]) -> None:
        card = json.loads(header["__metadata__"]["header"])
        for name, value in values.items():
            inner = card["encoder"] if name not in card and "encoder" in card else card
            inner[name] = value
        header["__metadata__"]["header"] = json.dumps(card)

    return with_header(content, change)


def _first(header: dict[str, Any]) -> dict[str, Any]:
    return next(header[name] for name in sorted(header) if name != "__metadata__")


def _huge_shape(header: dict[str, Any]) -> None:
    _first(header)["shape"] = [2**40, 2**20]


def _huge_offsets(header: dict[str, Any]) -> None:
    _first(header).update(shape=[2**40], data_offsets=[0, 2**42])


def _overlap(header: dict[str, Any]) -> None:
    for name in header:
        if name != "__metadata__":
            header[name]["data_offsets"] = [0, 4]


def _unknown_type(header: dict[str, Any]) -> None:
    _first(header)["dtype"] = "PICKLE"


def _no_metadata(header: dict[str, Any]) -> None:
    del header["__metadata__"]


def _no_card(header: dict[str, Any]) -> None:
    del header["__metadata__"]["header"]


def _card_is(text: str) -> Change:
    return lambda header: header["__metadata__"].update(header=text)


def _nan_weights(content: bytes) -> bytes:
    header, data = parts_of(content)
    start, end = _first(header)["data_offsets"]
    nan = struct.pack("<f", float("nan"))
    return joined(header, data[:start] + nan + data[start + 4 :] if end - start >= 4 else data)


def broken(content: bytes, trace: Path) -> dict[str, bytes]:
    """Break a good file in every way.

    Parameters
    ----------
    content : bytes
        A good encoder or segmenter file.
    trace : Path
        What must not come into being.

    Returns
    -------
    dict of str to bytes
        By what is wrong.
    """
    _, data = parts_of(content)
    legacy = trace.parent / "legacy.pth"
    torch.save({"weights": _Harm(trace)}, legacy)
    deep = "[" * 100_000 + "]" * 100_000
    size = struct.unpack_from("<Q", content)[0]
    return {
        "a pickle": pickle.dumps(_Harm(trace)),
        "a legacy checkpoint": legacy.read_bytes(),
        "nothing": b"",
        "only a length": content[:8],
        "cut in the header": content[: 8 + size // 2],
        "cut after the header": content[: 8 + size],
        "cut in the data": content[:-9],
        "more data than told": content + bytes(64),
        "header longer than the file": struct.pack("<Q", 2**24 - 1) + content[8:],
        "header of all memory": struct.pack("<Q", 2**62) + content[8:],
        "header is no JSON": joined(b"{" * 400, data),
        "header is a list": joined(b"[1, 2, 3]", data),
        "header nested deeply": joined(deep.encode(), data),
        "a giant tensor": with_header(content, _huge_shape),
        "a giant tensor far away": with_header(content, _huge_offsets),
        "tensors that overlap": with_header(content, _overlap),
        "an unknown type": with_header(content, _unknown_type),
        "no metadata": with_header(content, _no_metadata),
        "no card": with_header(content, _no_card),
        "a card of nothing": with_header(content, _card_is("{}")),
        "a card that is a list": with_header(content, _card_is("[]")),
        "a card that is no JSON": with_header(content, _card_is("encoder")),
        "a card nested deeply": with_header(content, _card_is(deep)),
        "a network of all memory": with_card(content, widths=[4096] * 8),
        "wider than numbers": with_card(content, widths=[2**62, 4]),
        "a thousand levels": with_card(content, widths=[4] * 1000),
        "no level": with_card(content, widths=[]),
        "negative widths": with_card(content, widths=[-4, 4]),
        "another network": with_card(content, widths=[6, 4]),
        "endless scales": with_card(content, scales=[1.0] * 100_000),
        "a scale of nothing": with_card(content, sigmas=[0.0, 24.0]),
        "a scale of everything": with_card(content, sigmas=[1e30]),
        "a name that steers the terminal": with_card(content, name="\x1b[2Jtiny"),
        "a name without end": with_card(content, name="x" * 10**6),
        "unknown settings": with_card(content, execute="rm -rf"),
        "weights that are not numbers": _nan_weights(content),
    }


def broken_segmenters(content: bytes) -> dict[str, bytes]:
    """Break what only a segmenter has."""
    return {
        "no target": with_card(content, targets=[]),
        "more targets than rules": with_card(content, targets=["a", "b"]),
        "a target that steers the terminal": with_card(content, targets=["\x1b[31m"]),
        "a canvas of all memory": with_card(content, size=4096 * 8),
        "a canvas of no stride": with_card(content, size=36),
        "a threshold of nothing": with_card(content, thresholds=[0.0]),
        "a classifier without weights": with_card(content, refined=False),
    }
