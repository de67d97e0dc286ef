"""Libraries that come with an extra of the package, imported where they are needed."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from napari_localdisc.base.errors import LocaldiscError


def needed(library: str, extra: str, path: Path) -> Any:
    """Import a library, or say how to install it.

    Parameters
    ----------
    library : str
        Its module.
    extra : str
        That of ``napari-localdisc`` which brings it.
    path : Path
        The file that it is needed for.

    Raises
    ------
    LocaldiscError
        Names the file and the extra.
    """
    try:
        return importlib.import_module(library)
    except ImportError as error:
        raise LocaldiscError(
            f"{path} takes {library}, which is not installed; run:"
            f" pip install 'napari-localdisc[{extra}]'"
        ) from error
