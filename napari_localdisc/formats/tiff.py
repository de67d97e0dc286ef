"""TIFF files of every depth, with one page or many."""

from __future__ import annotations

import importlib.util
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import PIL.Image
import tifffile

from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.base.limits import check_pixels
from napari_localdisc.formats import orientation
from napari_localdisc.formats.decoding import decoding
from napari_localdisc.formats.format import Format, Pixels
from napari_localdisc.formats.raster import (
    PictureGeometry,
    plain,
    raise_pillows_limit,
    read_raster,
)
from napari_localdisc.formats.tiff_channels import colour_order, colour_pages

SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")

_LIBRARY = "tifffile"
_TRANSLATED = {"PALETTE", "SEPARATED", "YCBCR", "CIELAB", "ICCLAB", "ITULAB"}
"""Colour spaces that Pillow brings to RGB."""
_FLOAT_PREDICTOR = "FLOATINGPOINT"
_PILLOW = {"LZW", "PACKBITS", "JPEG", "ZSTD", "CCITTRLE", "CCITTFAX3", "CCITTFAX4"}
"""Compressions that Pillow reads."""
_UNPACKED = {"NONE", "ADOBE_DEFLATE", "DEFLATE", "LZMA"}
"""Compressions that tifffile reads on its own."""


@dataclass(frozen=True)
class StackGeometry:
    """How the pages of a TIFF stack are turned to be shown; see `PictureGeometry`."""

    orientation: int = orientation.UPRIGHT

    suffix = ".tif"
    spacing = None
    notes = ()
    shown_as_picture = True

    def save(self, labels: npt.NDArray[np.uint8], path: Path, _: Sequence[str] = ()) -> None:
        """Write labels (N, H, W) as a TIFF of as many pages, labels (H, W) as one of one."""
        pages = labels.reshape((-1, *labels.shape[-2:]))
        stored = np.stack([orientation.as_stored(page, self.orientation) for page in pages])
        tag = (orientation.TAG, 3, 1, self.orientation, True)
        tifffile.imwrite(
            path,
            stored,
            photometric="minisblack",
            compression="zlib",
            metadata=None,
            extratags=[tag] if self.orientation != orientation.UPRIGHT else [],
        )

    def save_shares(self, shares: npt.NDArray[np.uint8], path: Path) -> None:
        """Write shares (N, H, W) as grey pages, one as white."""
        self.save(shares, path)


class Tiff(Format):
    """TIFF and BigTIFF."""

    suffixes = (".tif", ".tiff")

    def recognises(self, _: Path, head: bytes, /) -> bool:
        """Whether a file begins as a TIFF does."""
        return head.startswith(SIGNATURES)

    def read(self, path: Path, /) -> tuple[Pixels, PictureGeometry | StackGeometry]:
        """Read a TIFF, see `read_tiff`; what only bears its name is whatever Pillow makes of it."""
        with path.open("rb") as file:
            is_tiff = file.read(len(SIGNATURES[0])) in SIGNATURES
        return read_tiff(path) if is_tiff else read_raster(path)

    def mask_suffix(self, path: Path, /) -> str:
        """Tell the ending of a TIFF's mask, by the number of its pages."""
        try:
            pages = count_pages(path)
        except LocaldiscError:
            return PictureGeometry.suffix
        return StackGeometry.suffix if pages > 1 else PictureGeometry.suffix


def read_tiff(path: Path) -> tuple[Pixels, PictureGeometry | StackGeometry]:
    """Read a TIFF, upright.

    Returns
    -------
    pixels : ndarray, shape (H, W), (H, W, 3), or (N, H, W, C) of several pages, C in {1, 3}
        In the stored type, dark as low; palettes are resolved, alpha and small previews left out.
    geometry : PictureGeometry or StackGeometry

    Raises
    ------
    LocaldiscError
        If it is damaged, too large, compressed in a way that cannot be read, or its pages differ
        in size or kind.
    """
    with decoding(path, _LIBRARY), tifffile.TiffFile(path) as file:
        series = _main_series(path, file)
        order = colour_order(path, file, series)
        planes, height, width, samples = _sizes(path, series)
        check_pixels(path, width, height, planes)
        first = series.keyframe
        turn = orientation.known(first.tags.valueof(orientation.TAG))
        if _is_for_pillow(path, first):
            indices = [page.index for page in series.pages if page is not None]
            pages = _with_pillow(path, first, indices)
        else:
            stored = _samples_last(_dark_as_low(series.asarray(), first), first)
            stored = stored.reshape((planes, height, width, samples))
            kept = stored[..., : 3 if samples > 2 else 1]
            pages = [orientation.upright(page, turn) for page in kept]
    if order:
        pages = list(colour_pages(pages, series, order))
    if len(pages) > 1:
        return np.stack(pages), StackGeometry(turn)
    only = np.asarray(pages[0])
    return only[..., 0] if only.shape[-1] == 1 else only, PictureGeometry(turn)


def count_pages(path: Path) -> int:
    """Tell how many planes `read_tiff` would find, or would complain about."""
    with decoding(path, _LIBRARY), tifffile.TiffFile(path) as file:
        series = _main_series(path, file)
        order = colour_order(path, file, series)
        return _sizes(path, series)[0] // max(1, len(order))


def _main_series(path: Path, file: tifffile.TiffFile) -> tifffile.TiffPageSeries:
    """Find the pages that belong together; reduced copies of them are passed over."""
    _check_chain(path, file)
    first, *others = file.series
    full = [series for series in others if not series.keyframe.is_reduced]
    if full:
        sizes = " and ".join(
            f"{series.keyframe.imagewidth} x {series.keyframe.imagelength}"
            for series in (first, full[0])
        )
        raise LocaldiscError(
            f"{path} holds pages of different sizes or kinds ({sizes}); save those you want as one"
            " stack."
        )
    return first


def _check_chain(path: Path, file: tifffile.TiffFile) -> None:
    """Refuse pages that follow each other in a circle, which tifffile would follow for ever."""
    form, handle = file.tiff, file.filehandle
    place, seen = file.pages.first.offset, set[int]()
    while 0 < place < handle.size - form.tagnosize:
        if place in seen:
            raise LocaldiscError(
                f"{path} is damaged, its pages follow each other in a circle; export it again."
            )
        seen.add(place)
        handle.seek(place)
        tags = struct.unpack(form.tagnoformat, handle.read(form.tagnosize))[0]
        handle.seek(place + form.tagnosize + tags * form.tagsize)
        following = handle.read(form.offsetsize)
        if len(following) < form.offsetsize:
            return
        place = struct.unpack(form.offsetformat, following)[0]


def _sizes(path: Path, series: tifffile.TiffPageSeries) -> tuple[int, int, int, int]:
    """Planes, height, width and samples."""
    if series.dtype is None or series.dtype.kind not in "buif":
        raise LocaldiscError(
            f"{path} holds numbers of type {series.dtype}, such as complex ones; give plain grey or"
            " RGB pixels."
        )
    apart, _, height, width, together = series.keyframe.shaped
    samples = apart * together
    if samples > 4:
        raise LocaldiscError(
            f"{path} has {samples} samples a pixel; expected a grey or RGB image: save the channel"
            " you want on its own."
        )
    return series.size // (height * width * samples), height, width, samples


def _is_for_pillow(path: Path, page: tifffile.TiffPage) -> bool:
    if _name(page.photometric) in _TRANSLATED:
        return True
    packing, predictor = _name(page.compression), _name(page.predictor)
    is_plain = packing in _UNPACKED and predictor != _FLOAT_PREDICTOR
    if is_plain or importlib.util.find_spec("imagecodecs"):
        return False
    if packing.isdigit():
        raise LocaldiscError(
            f"{path} is compressed in a way that has no name (Compression {packing}); export it"
            " again without compression."
        )
    is_deep_colour = page.bitspersample > 8 and page.samplesperpixel > 1
    is_known = packing in _PILLOW or packing in _UNPACKED - {"NONE", "LZMA"}
    if is_deep_colour or not is_known or not _reads_depth(page):
        how = packing if predictor == "NONE" else f"{packing} with predictor {predictor}"
        raise LocaldiscError(
            f"{path} holds {page.dtype} pixels compressed by {how}, which take another package"
            " here; run: pip install 'napari-localdisc[codecs]'"
        )
    return True


def _reads_depth(page: tifffile.TiffPage) -> bool:
    """Whether Pillow reads such numbers as they are; it mistakes the order of bytes of some."""
    if page.bitspersample <= 8 or page.dtype == np.uint16:
        return True
    return page.parent.byteorder == "<" and page.dtype in (
        np.int16,
        np.uint32,
        np.int32,
        np.float32,
    )


def _name(value: int) -> str:
    """Name of a tag's value; files hold numbers that have none."""
    return str(getattr(value, "name", value))


def _with_pillow(path: Path, first: tifffile.TiffPage, indices: Sequence[int]) -> list[Pixels]:
    raise_pillows_limit()
    pages = []
    with PIL.Image.open(path) as picture:
        for index in indices:
            picture.seek(index)
            picture.load()  # turns it upright
            page = _as_told(plain(picture), first)
            pages.append(page[..., None] if page.ndim == 2 else page)
    return pages


def _as_told(pixels: Pixels, page: tifffile.TiffPage) -> Pixels:
    """Give numbers that Pillow has read the sign and the kind that the file says they are of."""
    if page.bitspersample < 8 or page.dtype == np.uint8 or _name(page.photometric) in _TRANSLATED:
        return pixels
    kind = np.dtype(page.dtype)
    is_same_size = pixels.dtype.itemsize == kind.itemsize
    native = pixels.astype(pixels.dtype.newbyteorder("="))
    told = native.view(kind) if is_same_size else native.astype(kind)
    return told if page.bitspersample == 8 else _dark_as_low(told, page)


def _dark_as_low(pixels: Pixels, page: tifffile.TiffPage) -> Pixels:
    if _name(page.photometric) == "MINISWHITE" and pixels.dtype.kind in "bui":
        pixels = np.invert(pixels)  # of unsigned numbers the distance to the highest
    if pixels.dtype == bool:
        return pixels.astype(np.uint8) * np.uint8(255)
    return pixels.astype(np.float32) if pixels.dtype == np.float16 else pixels


def _samples_last(pixels: Pixels, page: tifffile.TiffPage) -> Pixels:
    """Bring pages that hold their samples one after the other to samples beside each other."""
    return np.moveaxis(pixels.reshape((-1, *page.shaped)), 1, -1)
