"""OME-Zarr images: folders of chunks, whole, odd and broken."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import zarr

from tests.corpus.case import Case, picture, stack, truth_of

TRUTH, STACK = truth_of(picture()), truth_of(stack())
NAME = "scan.ome.zarr"


def described(
    axes: str, paths: list[str], scale: list[float], unit: str | None, **more: Any
) -> dict[str, Any]:
    """Metadata of an image with one resolution after the other, each half of the one before."""
    kinds = {"t": "time", "c": "channel"}
    told = [{"name": axis, "type": kinds.get(axis, "space")} for axis in axes]
    for axis in told:
        if unit and axis["type"] == "space":
            axis["unit"] = unit
    levels = [
        {
            "path": path,
            "coordinateTransformations": [
                {
                    "type": "scale",
                    "scale": [
                        s * 2**n if a in "yx" else s for a, s in zip(axes, scale, strict=True)
                    ],
                }
            ],
        }
        for n, path in enumerate(paths)
    ]
    return {"multiscales": [{"axes": told, "datasets": levels, **more}]}


def write_omezarr(
    path: Path,
    pixels: np.ndarray,
    axes: str,
    version: int = 2,
    scale: list[float] | None = None,
    unit: str | None = None,
    omero: dict[str, Any] | None = None,
    levels: int = 2,
    **options: Any,
) -> Path:
    """Write an OME-Zarr with several resolutions, as NGFF 0.4 (Zarr 2) or 0.5 (Zarr 3)."""
    paths = [str(level) for level in range(levels)]
    told = described(axes, paths, scale or [1.0] * len(axes), unit)
    if omero is not None:
        told["omero"] = omero
    if version == 2:
        told["multiscales"][0]["version"] = "0.4"
    else:
        told = {"ome": {"version": "0.5", **told}}
    group = zarr.open_group(path, mode="w", zarr_format=version, attributes=told)
    options.setdefault("chunks", tuple(min(16, size) for size in pixels.shape))
    for level in paths:
        names = {} if version == 2 else {"dimension_names": tuple(axes)}
        group.create_array(level, data=pixels, **names, **options)
        pixels = pixels[tuple(slice(None, None, 2 if axis in "yx" else 1) for axis in axes)]
    return path


def _made(pixels: np.ndarray, axes: str, **options: Any) -> Callable[[Path], Path]:
    return lambda folder: write_omezarr(folder / NAME, pixels, axes, **options)


def _changed(change: Callable[[Path], object], **options: Any) -> Callable[[Path], Path]:
    """A good image, to be spoilt."""

    def make(folder: Path) -> Path:
        path = write_omezarr(folder / NAME, picture(), "yx", levels=1, **options)
        change(path)
        return path

    return make


def _told(**fields: Any) -> Callable[[Path], object]:
    """Say something else in the header of the array."""

    def change(path: Path) -> None:
        header = path / "0" / ".zarray"
        header.write_text(json.dumps({**json.loads(header.read_text()), **fields}))

    return change


def _with_dataset(name: str) -> Callable[[Path], object]:
    def change(path: Path) -> None:
        header = path / ".zattrs"
        header.write_text(header.read_text().replace('"path": "0"', f'"path": "{name}"'))

    return change


def _bomb(content: bytes, packing: dict[str, Any]) -> Callable[[Path], Path]:
    """One chunk that unpacks to 400 MB, or says so."""

    def change(path: Path) -> None:
        _told(compressor=packing)(path)
        for chunk in (path / "0").glob("[0-9]*"):  # packed otherwise, and read at the same time
            chunk.unlink()
        (path / "0" / "0.0").write_bytes(content)

    return _changed(change)


def _zlib_bomb() -> bytes:
    packer = zlib.compressobj(1)
    return b"".join(packer.compress(bytes(4_000_000)) for _ in range(100)) + packer.flush()


def _without_extension(folder: Path) -> Path:
    return _made(picture(), "yx")(folder).rename(folder / "scan")


def _plate(folder: Path) -> Path:
    path = folder / NAME
    wells = [{"path": f"{row}/1", "rowIndex": n, "columnIndex": 0} for n, row in enumerate("AB")]
    plate = {"plate": {"wells": wells, "rows": [], "columns": []}}
    zarr.open_group(path, mode="w", zarr_format=2, attributes=plate)
    for well in wells:
        write_omezarr(path / well["path"] / "0", picture(), "yx")
    return path


def _series(count: int) -> Callable[[Path], Path]:
    """What bioformats2raw writes: images by number."""

    def make(folder: Path) -> Path:
        path = folder / NAME
        layout = {"bioformats2raw.layout": 3}
        zarr.open_group(path, mode="w", zarr_format=2, attributes=layout)
        for number in range(count):
            write_omezarr(path / str(number), picture(), "yx")
        return path

    return make


_PICTURE = np.stack([picture()] * 3)
_SHARDED = {"version": 3, "chunks": (8, 8), "shards": (40, 56)}
_RGB = {"channels": [{"color": color} for color in ("0000FF", "00FF00", "FF0000")]}
_BLOSC = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1}

ZARRS: dict[str, Case] = {
    "zarr 2": Case(_made(picture(), "yx"), TRUTH),
    "zarr 3": Case(_made(picture(), "yx", version=3), TRUTH),
    "zarr sharded": Case(_made(picture(), "yx", levels=1, **_SHARDED), TRUTH),
    "zarr 16 bit": Case(_made(picture().astype(">u2") * 200, "yx"), TRUTH),
    "zarr float": Case(_made(picture().astype("f4") / 7, "yx", version=3), TRUTH),
    "zarr half float": Case(_made(picture().astype("f2"), "yx"), TRUTH),
    "zarr five axes": Case(_made(picture()[None, None, None], "tczyx"), TRUTH),
    "zarr stack": Case(_made(stack(), "zyx"), STACK),
    "zarr stack of five axes": Case(_made(stack()[None, None], "tczyx", version=3), STACK),
    "zarr columns first": Case(_made(picture().T, "xy"), TRUTH),
    "zarr colour": Case(_made(_PICTURE, "cyx"), TRUTH),
    "zarr colour backwards": Case(_made(_PICTURE, "cyx", omero=_RGB), TRUTH),
    "zarr gzip": Case(_made(picture(), "yx", compressors=numcodecs.GZip()), TRUTH),
    "zarr zlib": Case(_made(picture(), "yx", compressors=numcodecs.Zlib()), TRUTH),
    "zarr blosc": Case(_made(picture(), "yx", compressors=numcodecs.Blosc()), TRUTH),
    "zarr lz4": Case(_made(picture(), "yx", compressors=numcodecs.LZ4()), TRUTH),
    "zarr bz2": Case(_made(picture(), "yx", compressors=numcodecs.BZ2()), TRUTH),
    "zarr not packed": Case(_made(picture(), "yx", compressors=None), TRUTH),
    "zarr of any name": Case(_without_extension, TRUTH),
    "zarr series of one": Case(_series(1), TRUTH),
    "zarr series of two": Case(_series(2), says="a series of 2 images; name the one you want"),
    "zarr plate": Case(_plate, says="a plate of 2 wells; name the one you want"),
    "zarr times": Case(_made(stack(), "tyx"), says="3 points in time (axes tyx"),
    "zarr two channels": Case(_made(stack(2), "cyx"), says="holds 2 channels"),
    "zarr stains": Case(
        _made(stack(), "cyx", omero={"channels": [{"label": one} for one in ("DAPI", "a", "b")]}),
        says="3 channels (DAPI, a, b) that make no colour image",
    ),
    "zarr complex": Case(_made(picture().astype("c8"), "yx"), says="numbers of type complex64"),
    "zarr empty": Case(lambda folder: _group(folder / NAME), says="name no multiscales"),
    "zarr without its array": Case(_changed(_with_dataset("9")), says=NAME),
    "zarr that leads away": Case(
        _changed(_with_dataset("../../../etc")), says="a part outside of itself"
    ),
    "zarr pickled": Case(_changed(_told(compressor={"id": "pickle"})), says="(pickle)"),
    "zarr pickled filter": Case(_changed(_told(filters=[{"id": "pickle"}])), says="(pickle)"),
    "zarr objects": Case(_changed(_told(dtype="|O")), says="numbers of type object"),
    "zarr huge": Case(_changed(_told(shape=[10**6, 10**6])), says="LOCALDISC_MAX_PIXELS"),
    "zarr huge chunks": Case(_changed(_told(chunks=[10**6, 10**6])), says="LOCALDISC_MAX_PIXELS"),
    "zarr countless chunks": Case(
        _changed(_told(shape=[10**4, 10**4], chunks=[1, 1])), says="in 100000000 chunks"
    ),
    "zarr negative": Case(_changed(_told(shape=[-40, 56])), says="damaged"),
    "zarr torn header": Case(
        _changed(lambda path: (path / "0" / ".zarray").write_text('{"shape": [')), says="damaged"
    ),
    "zarr torn attributes": Case(
        _changed(lambda path: (path / ".zattrs").write_text("[1")), says="damaged"
    ),
    "zarr attributes of another kind": Case(
        _changed(lambda path: (path / ".zattrs").write_text('{"multiscales": 7}')), says="damaged"
    ),
    "zarr torn chunk": Case(
        _changed(lambda path: (path / "0" / "0.0").write_bytes(b"\x02\x01\x21")), says="damaged"
    ),
    "zarr chunk that is a device": Case(
        _changed(lambda path: _to_device(path / "0" / "0.0")), says="no plain file"
    ),
    "zarr bomb of zlib": Case(
        _bomb(_zlib_bomb(), {"id": "zlib", "level": 1}), says="more than the 256 bytes of a chunk"
    ),
    "zarr bomb of blosc": Case(
        _bomb(b"\2\1\x21\1" + struct.pack("<III", 4 * 10**8, 2**16, 16), _BLOSC),
        says="more than the 256",
    ),
    "zarr bomb of zstd": Case(
        _bomb(b"\x28\xb5\x2f\xfd\xa0" + struct.pack("<I", 4 * 10**8), {"id": "zstd", "level": 0}),
        says="more than the 256",
    ),
}


def _group(path: Path) -> Path:
    zarr.open_group(path, mode="w", zarr_format=2, attributes={"about": "a table"})
    return path


def _to_device(path: Path) -> None:
    path.unlink()
    path.symlink_to("/dev/zero")
