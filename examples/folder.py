"""Segment a folder with a ready-made segmenter: masks, a report, a contact sheet, a recipe."""

from pathlib import Path

import napari_localdisc as ld

SAMPLES = Path(__file__).parents[1] / "sample_data"


def show(event: ld.Progress) -> None:
    """Print each file as it is done."""
    if event.stage == "segment":
        print(f"{event.done} of {event.total} {event.message}")


report = ld.segment_folder(
    SAMPLES / "chest-xray", "masks", "lungs", on_progress=show, confidence=True, overwrite=True
)
for result in sorted(report.done, key=lambda result: result.confidence):
    print(f"{result.path.name}: {result.area} pixels, confidence {result.confidence:.2f}")
for result in report.failed:
    print("failed:", result.error)
