"""Masks as GeoJSON: a feature for each part, in pixels of the upright image."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from napari_localdisc.base.atomic import write_text
from napari_localdisc.formats.further.finding import Finding
from napari_localdisc.formats.further.outlines import Part


class GeoJson:
    """One ``.geojson`` an image: `FurtherOutput`."""

    ending = ".geojson"

    def check(self) -> None:
        """Need no further package."""

    def write(self, found: Finding, path: Path) -> None:
        """Write a feature for each part, with its target, mean confidence and area in pixels."""
        features = [_feature(found, *one) for one in found.parts()]
        collection = {"type": "FeatureCollection", "features": features}
        write_text(path, json.dumps(collection, separators=(",", ":")))


def _feature(found: Finding, plane: int, label: int, part: Part) -> dict[str, Any]:
    height, width = part.pixels.shape
    confidence = found.confidence.reshape((-1, *found.labels.shape[-2:]))[plane]
    box = confidence[part.row : part.row + height, part.column : part.column + width]
    name = found.targets[label - 1]
    about: dict[str, Any] = {
        "target": name,
        "classification": {"name": name},  # by this QuPath knows the class
        "confidence": round(float(box[part.pixels].mean()), 4),
        "area": part.area,
    }
    if found.image.is_stack:
        about["plane"] = plane
    geometry = {"type": "Polygon", "coordinates": part.rings()}
    return {"type": "Feature", "properties": about, "geometry": geometry}
