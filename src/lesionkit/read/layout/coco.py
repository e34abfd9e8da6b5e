"""COCO's annotations of radiographs -> run-length codes by image, as SIIM has them."""

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import decode_rle_coco, encode_rle_siim
from lesionkit.core.outline import fill_ring
from lesionkit.core.untrusted import reads
from lesionkit.read.truth.lesion_words import lesion_values

_LARGEST_BYTES, _MOST_PIXELS = 1_000_000_000, 1 << 28


@dataclass(frozen=True)
class CocoSet:
    """What COCO files say.

    Attributes:
        encoded: rle_siim by image, which is its file name without suffix; "-1" where nothing was annotated.
        notes: sentences on what was passed over.
    """

    source: Path
    encoded: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()


@reads("a data set with annotations as COCO has them")
def read_coco(data: Path, lesion_labels: Sequence[str] = ()) -> CocoSet | None:
    """The annotations of a data set: JSON files of it, or of its folder `annotations`; None where there are none.

    Polygons and run-length codes of categories that are lesions are masks; an image without any is healthy. A box
    alone is no mask: its image counts as not looked at.

    Raises:
        LesionkitError: a file that is damaged, or whose categories are none of lesions.
    """
    found: dict[str, tuple[str, ...]] = {}
    source, notes = None, []
    for file in sorted([*data.glob("*.json"), *(data / "annotations").glob("*.json")]):
        told = _told(file)
        if told is None:
            continue
        try:
            encoded, boxes = _encoded(told, lesion_labels)
        except (LesionkitError, KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            why = error if isinstance(error, LesionkitError) else f"{type(error).__name__}: {error}"
            raise LesionkitError(f"{file} must be annotations as COCO has them, got {why}") from error
        source = source or file
        found |= encoded
        if boxes:
            notes.append(f"{file.name}: {len(boxes)} images have boxes and no outlines, first '{boxes[0]}'; not used")
    return None if source is None else CocoSet(source, found, tuple(notes))


def _told(file: Path) -> Mapping[str, Any] | None:
    try:
        told = json.loads(file.read_text(encoding="utf-8")) if file.stat().st_size < _LARGEST_BYTES else None
    except (OSError, ValueError):
        return None
    keys = {"images", "annotations", "categories"}
    return told if isinstance(told, dict) and all(isinstance(told.get(key), list) for key in keys) else None


def _encoded(told: Mapping[str, Any], lesion_labels: Sequence[str]) -> tuple[dict[str, tuple[str, ...]], list[str]]:
    """Codes by image, and the images that have a box without an outline."""
    names = {int(one["id"]): str(one["name"]) for one in told["categories"]}
    wanted = lesion_values(names, lesion_labels) if names else frozenset()
    drawn: dict[Any, list[Any]] = defaultdict(list)
    for one in told["annotations"]:
        if int(one["category_id"]) in wanted:
            drawn[one["image_id"]].append(one.get("segmentation"))
    found, boxes = {}, []
    for image in told["images"]:
        name = Path(str(image["file_name"])).stem
        parts = drawn.get(image["id"], [])
        if any(not part for part in parts):
            boxes.append(name)
            continue
        shape = int(image["height"]), int(image["width"])
        if not (0 < shape[0] * shape[1] <= _MOST_PIXELS and min(shape) > 0):
            raise ValueError(f"image '{name}' is {shape[1]} × {shape[0]} pixels")
        found[name] = tuple(encode_rle_siim(_mask(part, shape)) for part in parts) or ("-1",)
    return found, boxes


def _mask(segmentation: Any, shape: tuple[int, int]) -> NDArray[np.bool_]:
    if isinstance(segmentation, dict):
        if tuple(segmentation["size"]) != shape:
            raise ValueError(f"a code of the size {str(segmentation['size'])[:40]} on an image of {list(shape)}")
        return decode_rle_coco(segmentation)
    mask = np.zeros(shape, dtype=bool)
    for flat in segmentation:
        mask |= fill_ring(np.array(flat, dtype=float).reshape(-1, 2), shape)
    return mask
