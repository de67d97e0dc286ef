"""What guidance gives with few images and few references: a table of Dice.

Images are those that are guided on. One image alone is tried three times, on images far apart in
the set; five images once.

python benchmarks/few.py [vessels ...] [--data ../shared/data] [--images 1 5]
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

from accuracy import Bench, run
from tasks import TASKS, Task

from napari_localdisc.formats.images import find_images

STRUCTURES = {
    "vessels": "vessels, 20 simulated",
    "disc": "optic disc, 20 simulated",
    "lungs": "lungs, 20 simulated",
}
CELLS = ((1, 20), (5, 20), (20, 20), (100, 20), (20, 1), (20, 5))
"""Images and references."""
_TIMES_ALONE = 3


def draws(images: list[Path], count: int) -> list[list[Path]]:
    """Choose images: the first ones, or three of them one by one."""
    if count > 1:
        return [images[:count]]
    return [[images[at]] for at in range(0, len(images), len(images) // _TIMES_ALONE)][:3]


def dice(task: Task, data: Path, images: list[Path], references: int, masks: Path) -> float:
    """Guide on some images, and score their masks."""
    how = ["--prior", task.prior, "--references", references, "--guide-images", len(images)]
    run("segment", *images, "-o", masks, *how, "-q")
    return float(Bench(task, data, masks.parent).evaluate(masks)["dice"])


def main() -> None:
    """Print the table row by row."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("structures", nargs="*", default=list(STRUCTURES))
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--images", type=int, nargs="+", help="only with so many images")
    options = parser.parse_args()
    tasks = {task.name: task for task in TASKS}
    print("| structure | images | references | Dice |\n|---|---|---|---|", flush=True)
    for name in options.structures:
        task = tasks[STRUCTURES[name]]
        images = find_images([options.data / task.images])
        for count, references in CELLS:
            if count > len(images) or (options.images and count not in options.images):
                continue
            found = []
            for some in draws(images, count):
                with tempfile.TemporaryDirectory() as folder:
                    found.append(dice(task, options.data, some, references, Path(folder) / "out"))
            each = f" ({', '.join(f'{one:.3f}' for one in found)})" if len(found) > 1 else ""
            row = (name, str(count), str(references), f"{statistics.mean(found):.3f}{each}")
            print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
