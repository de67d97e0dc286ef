"""Names of files that a record, perhaps a forged one, gives within a folder."""

from __future__ import annotations

from pathlib import PurePath, PureWindowsPath


def stays_within(name: str, kind: type[PurePath] = PurePath) -> bool:
    r"""Whether a name leads to no place outside of the folder that it is read in.

    Parameters
    ----------
    name : str
    kind : type of PurePath
        Rules by which the system takes names: those of this system if not given.

    Examples
    --------
    >>> stays_within("sub/a.png"), stays_within("../a.png"), stays_within("/a.png")
    (True, False, False)

    On Windows a drive, a server or a root leads away as well, and what follows a colon is no name:

    >>> names = (r"sub\a.png", "C:a.png", r"\\server\share\a.png", r"\a.png", "a.png:b")
    >>> [stays_within(name, PureWindowsPath) for name in names]
    [True, False, False, False, False]
    """
    path = kind(name)
    has_stream = isinstance(path, PureWindowsPath) and ":" in name
    return not path.anchor and ".." not in path.parts and not has_stream
