"""What decoders make of damaged files, turned into one clear line."""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import PIL.Image

from napari_localdisc.base.errors import LocaldiscError, plain_words
from napari_localdisc.base.limits import too_large


@contextmanager
def decoding(path: Path, logger: str = "") -> Iterator[None]:
    """Run a decoder, silent, and refuse the file if it fails in whatever way.

    Parameters
    ----------
    path : Path
    logger : str
        A logger of the decoder's that is silenced meanwhile.

    Raises
    ------
    LocaldiscError
        If anything is raised inside.
    """
    try:
        with warnings.catch_warnings(), _without_log(logger):
            warnings.simplefilter("ignore")
            yield
    except LocaldiscError:
        raise
    except PIL.UnidentifiedImageError as error:
        raise LocaldiscError(
            f"{path} is not an image that can be read, whatever its name says; export it again"
            " as PNG or TIFF."
        ) from error
    except PIL.Image.DecompressionBombError as error:
        pixels = max(map(int, re.findall(r"\d+", str(error))), default=0)
        raise too_large(path, str(pixels), pixels) from error
    except Exception as error:
        words = plain_words(error)
        detail = f" ({words})" if words else ""
        raise LocaldiscError(
            f"{path} is damaged or of an unknown kind{detail}; copy or export it again."
        ) from error


@contextmanager
def _without_log(name: str) -> Iterator[None]:
    if not name:
        yield
        return
    logger = logging.getLogger(name)
    level = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(level)
