"""``napari-localdisc run``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_localdisc.cli.groups import Running, SessionSettings, Speaking
from napari_localdisc.cli.options import Json, OutputFolder
from napari_localdisc.cli.output.tell import tell_folder


def run(
    session: Annotated[
        Path,
        typer.Argument(
            help="Session file, saved in napari.", metavar="SESSION", show_default=False
        ),
    ],
    output: OutputFolder,
    settings: SessionSettings,
    running: Running,
    speaking: Speaking,
    json: Json = False,
) -> int:
    """Segment the images of a session saved in napari, by its segmenter, else by its prior.

    The same command again goes on where the last one ended, however it ended.
    """
    from napari_localdisc.tasks.run_session import SessionOutput, run_session

    with speaking.reporter(json) as reporter:
        place = SessionOutput(output, running.run_options(), running.confidence)
        result = reporter.follow(run_session(session, place, settings.instead()))
    code = tell_folder(result.folder, {"session": str(session)}, reporter, json)
    return 1 if result.gone else code
