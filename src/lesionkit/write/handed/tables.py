"""Findings of all images of a run -> one table: LUNA16's submission, or COCO's file of annotations."""

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cc3d
import numpy as np

from lesionkit.core.files import write_text
from lesionkit.core.handed import Balls, Handed, Mask, Outlines
from lesionkit.core.mask import encode_rle_coco
from lesionkit.core.slide_place import polygon_pixels
from lesionkit.core.trace import Polygon


def write_luna16(handed: Sequence[Balls], out: Path) -> list[Path]:
    """Write `submission.csv` (seriesuid, coordX, coordY, coordZ, probability) in LPS mm, as its evaluator asks.

    Scores keep all their digits, so that no tie is made.
    """
    rows: list[list[Any]] = [["seriesuid", "coordX", "coordY", "coordZ", "probability"]]
    for one in handed:
        rows += [[one.case_id, *(round(float(c), 4) for c in ball.centre_mm), float(ball.score)] for ball in one.balls]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return [write_text(out / "submission.csv", text.getvalue())]


def write_coco_of_masks(handed: Sequence[Mask], out: Path) -> list[Path]:
    """Write `coco.json`: an image per radiograph, an annotation per connected piece of its mask, as run lengths."""
    images, annotations = [], []
    for number, one in enumerate(handed, start=1):
        rows, columns = one.shape
        images.append(_image(one, number, columns, rows))
        pieces, count = cc3d.connected_components(one.mask().astype(np.uint8), connectivity=8, return_N=True)
        for piece in range(1, count + 1):
            inside = pieces == piece
            down, across = (np.flatnonzero(inside.any(axis=axis)) for axis in (1, 0))
            box = [int(across[0]), int(down[0]), int(np.ptp(across)) + 1, int(np.ptp(down)) + 1]
            annotations.append(
                {
                    "image_id": number,
                    "bbox": box,
                    "area": int(inside.sum()),
                    "segmentation": encode_rle_coco(inside, compressed=True),
                    "iscrowd": 0,
                    "score": one.score,
                }
            )
    return [_write(handed, out, images, annotations)]


def write_coco_of_outlines(handed: Sequence[Outlines], out: Path) -> list[Path]:
    """Write `coco.json`: an image per slide in pixels of its finest level, an annotation per region as polygons.

    COCO knows no holes: a region with holes has the ring of its edge alone, and its area without them.
    """
    images, annotations = [], []
    for number, one in enumerate(handed, start=1):
        rows, columns = one.grid.shape
        images.append(_image(one, number, columns, rows))
        for region in one.regions():
            ring = polygon_pixels(region.polygon_mm, one.grid)
            low, high = ring.ring.min(axis=0), ring.ring.max(axis=0)
            annotations.append(
                {
                    "image_id": number,
                    "bbox": np.round([*low, *(high - low)], 2).tolist(),
                    "area": round(_area(ring), 2),
                    "segmentation": [np.round(ring.ring, 2).ravel().tolist()],
                    "iscrowd": 0,
                    "score": region.max_score,
                }
            )
    return [_write(handed, out, images, annotations)]


def _image(one: Handed, number: int, width: int, height: int) -> dict[str, Any]:
    return {"id": number, "file_name": one.path.name, "width": width, "height": height, "case_id": one.case_id}


def _area(polygon: Polygon) -> float:
    """Without its holes, by the shoelace formula."""

    def enclosed(ring: Any) -> float:
        x, y = ring[:, 0], ring[:, 1]
        return abs(float(x @ np.roll(y, -1) - y @ np.roll(x, -1))) / 2

    return enclosed(polygon.ring) - sum(map(enclosed, polygon.holes))


def _write(
    handed: Sequence[Handed], out: Path, images: list[dict[str, Any]], annotations: list[dict[str, Any]]
) -> Path:
    maker = handed[0].maker
    content = {
        "info": {
            "description": f"{handed[0].lesion} found by lesionkit {maker.version}, {maker.recipe}; research use only",
            "date_created": maker.made_at.isoformat(),
            **maker.parameters,
        },
        "licenses": [],
        "categories": [{"id": 1, "name": handed[0].lesion, "supercategory": "lesion"}],
        "images": images,
        "annotations": [{"id": i, "category_id": 1, **one} for i, one in enumerate(annotations, start=1)],
    }
    return write_text(out / "coco.json", json.dumps(content) + "\n")
