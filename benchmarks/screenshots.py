"""Make the pictures of the app in docs/ anew, on the sample data: each user's path, step by step.

xvfb-run -a -s "-screen 0 1366x768x24" python benchmarks/screenshots.py [-o docs]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw
from window import Window, until

from napari_localdisc.core.phantoms import fundus_phantom, xray_phantom

WINDOW = (1366, 768)
SIZE = 384
COLOURS = 128
LUNGS = (
    "0.22 0.22, 0.21 0.30, 0.26 0.37, 0.45 0.38, 0.70 0.36, 0.74 0.33, 0.72 0.20, 0.77 0.05,"
    " 0.55 0.05, 0.35 0.12",
    "0.22 0.56, 0.21 0.63, 0.27 0.72, 0.40 0.80, 0.60 0.86, 0.80 0.88, 0.72 0.80, 0.60 0.70,"
    " 0.45 0.58, 0.30 0.52",
)
"""What somebody might draw on the film in view: corners as shares of its side."""


def rest(seconds: float) -> None:
    """Let the window settle."""
    end = time.monotonic() + seconds
    until(lambda: time.monotonic() > end)


def corners(outline: str) -> np.ndarray:
    """Corners (N, 2) in pixels of an outline in shares of the side."""
    return np.array([[float(at) for at in point.split()] for point in outline.split(",")]) * SIZE


class Stage(Window):
    """A window to take pictures of."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        self.window: Any = self.viewer.window._qt_window
        self.window.resize(*WINDOW)

    def picture(self) -> Image.Image:
        """Take a picture of the window."""
        rest(0.7)
        shot = self.window.grab().toImage().convertToFormat(4)  # RGB32
        pixels = np.frombuffer(shot.bits().asstring(shot.sizeInBytes()), np.uint8)
        rows = pixels.reshape(shot.height(), shot.bytesPerLine() // 4, 4)[:, : shot.width()]
        return Image.fromarray(rows[..., 2::-1].copy())

    def save(self, name: str) -> None:
        """Take a picture and keep it."""
        keep(self.picture(), self.folder / f"{name}.png")

    def close(self) -> None:
        """Close the window."""
        self.viewer.close()


def keep(picture: Image.Image, path: Path) -> None:
    """Save a picture with few colours, for a small file."""
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def clinician(folder: Path, images: Path) -> None:
    """Draw lungs, find them in films, see how it comes about and what to check first."""
    stage = Stage(folder)
    for path in sorted(images.glob("*.png")):
        stage.viewer.open(path)
    priors = stage.open_dock("priors")
    priors.source.value = "My own drawing"
    priors.drawn.structure.value = "lungs"
    priors.drawn.tool.value = "Polygon"
    priors.drawn.start.native.click()
    layer = stage.viewer.layers[-1]
    layer.add([corners(lung) for lung in LUNGS], shape_type="polygon")
    stage.run(priors)
    stage.save("clinician-prior")
    layer.visible = False
    guided = stage.open_dock("guided")
    steps = Steps(stage)
    guided.run_row.runner.progressed.connect(steps.look)
    stage.run(guided)
    stage.save("clinician-result")
    steps.take("kept")
    steps.save(folder / "converging.png")
    stage.close()


class Steps:
    """The first image's mask at several moments of a run."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.taken: list[tuple[str, Image.Image]] = []
        self.began = time.monotonic()

    def look(self, event: Any) -> None:
        """Take the canvas whenever a preview has come."""
        if event.stage == "preview":
            self.take(event.message)

    def take(self, caption: str) -> None:
        """Take the canvas."""
        shown = self.stage.viewer.screenshot(canvas_only=True, flash=False)
        seconds = time.monotonic() - self.began
        self.taken.append((f"{seconds:.0f} s: {caption}", Image.fromarray(shown)))

    def save(self, path: Path, count: int = 5, height: int = 300) -> None:
        """Lay some of them side by side, the first and the last among them."""
        chosen = np.unique(np.linspace(0, len(self.taken) - 1, count).round().astype(int))
        small = []
        for index in chosen:
            caption, picture = self.taken[index]
            side = min(picture.size)
            left, top = (picture.width - side) // 2, (picture.height - side) // 2
            square = picture.convert("RGB").crop((left, top, left + side, top + side))
            square = square.resize((height, height))
            ImageDraw.Draw(square).text((6, 6), caption, fill="white")
            small.append(square)
        sheet = Image.new("RGB", ((height + 6) * len(small) - 6, height), "white")
        for number, square in enumerate(small):
            sheet.paste(square, (number * (height + 6), 0))
        keep(sheet, path)


def researcher(folder: Path) -> None:
    """Clusters of an embedding, and what is like a pixel."""
    stage = Stage(folder)
    stage.viewer.add_image(fundus_phantom(3, SIZE).image, name="fundus", rgb=True)
    clusters = stage.open_dock("clusters")
    stage.run(clusters)
    rest(1.0)
    stage.save("researcher")
    stage.close()


def many(folder: Path, images: Path, results: Path) -> None:
    """Segment a folder with a broken file in it, and sort by confidence."""
    (images / "broken.png").write_text("no image")
    stage = Stage(folder)
    panel = stage.open_dock("folder")
    panel.input.value, panel.output.value = images, results
    panel.shipped.value = "lungs"
    stage.run(panel)
    table = panel.table
    table.sortByColumn(4, 0)
    table.activated.emit(table.model().index(1, 0))
    until(lambda: len(stage.viewer.layers) > 0)
    stage.save("folder")
    stage.close()


def main() -> None:
    """Take all pictures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("docs"))
    output = parser.parse_args().output
    output.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        images = Path(name) / "films"
        images.mkdir()
        for seed in range(8):
            film = Image.fromarray(xray_phantom(seed, SIZE).image)
            film.save(images / f"film-{seed}.png")
        clinician(output, images)
        researcher(output)
        many(output, images, Path(name) / "masks")


if __name__ == "__main__":
    main()
