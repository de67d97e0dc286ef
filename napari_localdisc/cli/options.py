"""Options that commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from napari_localdisc.base.shipped import ENCODERS
from napari_localdisc.cli.names import devices, encoders, listed, priors
from napari_localdisc.core.priors import BUILT_IN_PRIORS
from napari_localdisc.core.priors import Place as PlaceName
from napari_localdisc.formats.further.registry import NAMES
from napari_localdisc.formats.registry import SUFFIXES

MOST_SEED = 2**31 - 1
"""All generators that a run seeds take it, and the few seeds above it that are derived from it."""

Images = Annotated[
    list[Path],
    typer.Argument(
        help=f"Image files, or folders of them ({', '.join(SUFFIXES)}).",
        metavar="IMAGES...",
        show_default=False,
    ),
]
Recursive = Annotated[
    bool,
    typer.Option(
        "-r",
        "--recursive",
        help="Take images from sub-folders too; results keep their sub-folders.",
    ),
]
Patterns = Annotated[
    list[str] | None,
    typer.Option(
        "--pattern",
        help="Of folders, take only files of such names ('*_left.png'). Repeat it for more.",
        metavar="GLOB",
        show_default=False,
    ),
]
Exclude = Annotated[
    list[str] | None,
    typer.Option(
        "--exclude",
        help="Of folders, pass over files and sub-folders of these names. Repeat it for more.",
        metavar="GLOB",
        show_default=False,
    ),
]
Overwrite = Annotated[
    bool,
    typer.Option(
        "--overwrite", help="Replace results of other settings in the output folder. No other file."
    ),
]
Confidence = Annotated[
    bool,
    typer.Option(
        "--confidence",
        help="Write into confidence/ how sure every pixel is: the probability of its label.",
    ),
]
Also = Annotated[
    str | None,
    typer.Option(
        "--also",
        help=f"Write the masks into also/ in other formats, too: {listed(NAMES)}; several with"
        " commas between them.",
        metavar="NAME,...",
        show_default=False,
    ),
]
Workers = Annotated[
    int,
    typer.Option(
        "--workers", help="Processes of this machine that share the work; 0: this one.", min=0
    ),
]
Scheduler = Annotated[
    str | None,
    typer.Option(
        "--scheduler",
        help="Hand the files to a Dask cluster whose machines see the same folders.",
        metavar="tcp|tls://HOST:PORT",
        show_default=False,
    ),
]
Batch = Annotated[
    int | None,
    typer.Option(
        "--batch",
        help="Images that go through the network together; what suits the device if not given.",
        min=1,
        show_default=False,
    ),
]
Label = Annotated[
    int | None,
    typer.Option("--label", help="Compare this label of the predictions alone.", min=1),
]
Target = Annotated[
    str | None,
    typer.Option(
        "--target",
        help="Compare the target of this name alone, as the files or their recipe name it.",
        metavar="NAME",
        show_default=False,
    ),
]
Tolerance = Annotated[
    float,
    typer.Option(
        "--tolerance",
        help="Of the surface Dice: how far surfaces may lie apart, in the unit of distances.",
        min=0,
    ),
]
Unit = Annotated[
    str,
    typer.Option(
        "--unit", help="Of distances: auto is mm where files say it, else px.", metavar="auto|mm|px"
    ),
]
Spacing = Annotated[
    str | None,
    typer.Option(
        "--spacing",
        help="Millimetres between pixels of files that do not say it: one number, or one for each"
        " axis (planes,)rows,columns.",
        metavar="MM[,MM...]",
        show_default=False,
    ),
]
Resample = Annotated[
    bool,
    typer.Option(
        "--resample",
        help="Bring masks of another place, spacing or size onto the grid of the true ones.",
    ),
]
Device = Annotated[
    str,
    typer.Option(
        "--device",
        help="auto, cpu, cuda, cuda:N or mps.",
        metavar="DEVICE",
        autocompletion=devices,
    ),
]
Seed = Annotated[
    int,
    typer.Option("--seed", help="The same seed gives the same result.", min=0, max=MOST_SEED),
]
Encoder = Annotated[
    str,
    typer.Option(
        "--encoder",
        help=f"A shipped encoder ({listed(ENCODERS.names)}), an encoder file, auto: by the images,"
        " or random: that one's architecture, untrained.",
        metavar="auto|random|NAME|FILE",
        autocompletion=encoders,
    ),
]
OtherEncoder = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        help="auto, random, a shipped encoder or a file; that of the session if not given.",
        metavar="auto|random|NAME|FILE",
        show_default=False,
        autocompletion=encoders,
    ),
]
OtherDevice = Annotated[
    str | None,
    typer.Option(
        "--device",
        help="auto, cpu, cuda, cuda:N or mps; that of the session if not given.",
        metavar="DEVICE",
        show_default=False,
        autocompletion=devices,
    ),
]
OtherSeed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        help="Of guidance; that of the session if not given.",
        min=0,
        max=MOST_SEED,
        show_default=False,
    ),
]
OtherQuick = Annotated[
    bool | None,
    typer.Option(
        "--quick/--thorough",
        help="Guide for seconds or for minutes; as the session says if not given.",
        show_default=False,
    ),
]
OtherGuideImages = Annotated[
    int | None,
    typer.Option(
        "--guide-images",
        help="Images to guide on; as many as the session says if not given.",
        min=1,
        show_default=False,
    ),
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="No progress, only errors.")]
Verbose = Annotated[
    bool,
    typer.Option(
        "-v", "--verbose", help="Also what libraries warn of, and how long each stage takes."
    ),
]
Log = Annotated[
    Path | None,
    typer.Option(
        "--log",
        help="Append progress and messages to this file, with times; with -q to the file alone.",
        metavar="FILE",
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON.")]
PriorSpec = Annotated[
    str,
    typer.Option(
        "--prior",
        help=f"{listed(BUILT_IN_PRIORS)}, or a folder of masks (or of one folder per target).",
        metavar="NAME|FOLDER",
        show_default=False,
        autocompletion=priors,
    ),
]
References = Annotated[
    int, typer.Option("--references", help="Masks to simulate for a built-in prior.", min=1)
]
GuideImages = Annotated[
    int, typer.Option("--guide-images", help="Images to guide on, drawn by the seed.", min=1)
]
Place = Annotated[
    PlaceName,
    typer.Option(
        "--place",
        help="Where the structure lies: as drawn, free (anywhere), or auto, as the masks tell.",
    ),
]
OutputFolder = Annotated[
    Path, typer.Option("-o", "--output", help="Folder to write to.", show_default=False)
]
Quick = Annotated[
    bool, typer.Option("--quick", help="Guide for seconds instead of minutes; rougher.")
]
LabelledSets = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="A labelled set: folders of images, of masks and perhaps of fields of view, matched by"
        " file name and split by a fixed seed. NAME alone picks one of those in --sets."
        " Repeat it for more.",
        metavar="NAME=IMAGES:MASKS[:FOV]",
        show_default=False,
    ),
]
TestSets = Annotated[
    list[str] | None,
    typer.Option(
        "--test-set",
        help="Images of a set to be judged by, instead of a part of its own.",
        metavar="NAME=IMAGES:MASKS[:FOV]",
        show_default=False,
    ),
]
SetsFile = Annotated[
    Path | None,
    typer.Option("--sets", help="TOML file that lists labelled sets.", show_default=False),
]
Data = Annotated[
    Path | None,
    typer.Option(
        "--data", help="What folders in --sets are relative to; its own folder if not given."
    ),
]
Canvas = Annotated[
    int,
    typer.Option(
        "--size", help="Longer side in pixels at which the sets of --set are seen.", min=32
    ),
]
