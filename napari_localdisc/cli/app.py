"""The commands together, and what their errors look like."""

from __future__ import annotations

import logging
import os
import shlex
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from napari_localdisc import __version__
from napari_localdisc.base.errors import LocaldiscError
from napari_localdisc.cli.commands.registry import commands

NAME = "napari-localdisc"
DONE, SOME_FAILED, BAD_INPUT, INTERRUPTED = 0, 1, 2, 130

app = typer.Typer(
    name=NAME,
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Exit codes: 0 done, 1 some files failed (the rest are written), 2 usage or bad input.",
)
for _command in commands():
    app.command()(_command)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show version.")
    ] = False,
) -> None:
    """Annotation-free segmentation of medical images. For research; not a medical device."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process if not given.

    Returns
    -------
    int
        Exit code: 0 done, 1 some files failed, 2 usage or bad input, 130 interrupted.
    """
    given = list(sys.argv[1:] if arguments is None else arguments) or ["--help"]
    command = typer.main.get_command(app)
    try:
        with _calm():
            code = command(
                given, prog_name=NAME, standalone_mode=False, obj=shlex.join([NAME, *given])
            )
    except LocaldiscError as error:
        return _complain(str(error))
    except typer.TyperException as error:
        return _complain(f"{error.format_message().rstrip('.')}. Try '{NAME} --help'.")
    except PermissionError as error:
        return _complain(f"no permission to use {error.filename}; check its permissions.")
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED
    except Exception as error:
        if os.environ.get("LOCALDISC_DEBUG"):
            raise
        detail = f"{type(error).__name__}: {error}"
        return _complain(f"unexpected error ({detail}); LOCALDISC_DEBUG=1 shows where.")
    if code == INTERRUPTED:
        _complain("interrupted.")
    return int(code or DONE)


@contextmanager
def _calm() -> Iterator[None]:
    """Keep what libraries mutter off standard error, where our own lines stand."""
    if os.environ.get("LOCALDISC_DEBUG"):
        yield
        return
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)


def _complain(message: str) -> int:
    print(f"{NAME}: {' '.join(message.split())}", file=sys.stderr)  # noqa: T201
    return BAD_INPUT
