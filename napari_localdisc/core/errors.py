"""The one exception that is meant for the user's eyes."""

from __future__ import annotations


class LocaldiscError(Exception):
    """A problem the user can act on.

    The message is one sentence that names the thing (file, option, argument), says what was
    expected of it and what came, and ends with the remedy. It is shown as it is, without traceback.
    """
