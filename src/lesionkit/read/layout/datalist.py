"""MONAI's data lists: JSON with parts such as "training", each a list of images with label or boxes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Lesion
from lesionkit.core.untrusted import reads
from lesionkit.read.layout.entry import ImageSet, SetEntry
from lesionkit.read.truth.lesion_words import lesion_values

_PARTS = ("training", "train", "validation", "val", "testing", "test")
_LARGEST_BYTES = 200_000_000
_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".png", ".jpg", ".jpeg", ".dcm", ".tif", ".tiff")


@reads("a data set with a data list of MONAI")
def read_datalist(data: Path, lesion_labels: Sequence[str] = ()) -> ImageSet | None:
    """The images of the data list in a folder, or of the file; None where there is none.

    A label is the path of a label map, or there are boxes: (x, y, z, w, h, d), centre and size in LPS mm, as MONAI's
    detection of nodules has them. Paths are relative to the list, or to a folder beside it.

    Raises:
        LesionkitError: an entry without image, a box that is none, an image that is not there.
    """
    files = sorted(data.glob("*.json")) if data.is_dir() else [data]
    for file in files:
        told = _told(file)
        parts = [(name, told[name]) for name in _PARTS if isinstance(told.get(name), list)]
        # A table of splits has parts too, but they are names.
        if any(isinstance(item, dict) and "image" in item for _, items in parts for item in items):
            return _read(file, told, parts, lesion_labels)
    return None


def _told(file: Path) -> Mapping[str, Any]:
    try:
        if file.stat().st_size > _LARGEST_BYTES:
            return {}
        told = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _read(
    file: Path, told: Mapping[str, Any], parts: Sequence[tuple[str, Sequence[Any]]], lesion_labels: Sequence[str]
) -> ImageSet:
    values: frozenset[int] = frozenset()
    if isinstance(told.get("labels"), dict):
        names = {int(n): str(name) for n, name in told["labels"].items() if str(n).isdigit() and int(n) > 0}
        values = lesion_values(names, lesion_labels)
    entries: dict[str, SetEntry] = {}
    for part, items in parts:
        for number, item in enumerate(items, start=1):
            try:
                entry = _entry(file.parent, item if isinstance(item, dict) else {"image": item}, values)
            except (LesionkitError, KeyError, TypeError, ValueError) as error:
                why = error if isinstance(error, LesionkitError) else f"it must have an image and a label, {error!r}"
                raise LesionkitError(f"{file}: entry {number} of '{part}': {why}") from error
            entries.setdefault(entry.case_id, entry)
    if not entries:
        raise LesionkitError(f"{file} lists no image")
    return ImageSet("MONAI", file, tuple(entries.values()))


def _entry(folder: Path, item: Mapping[str, Any], values: frozenset[int]) -> SetEntry:
    image = item["image"][0] if isinstance(item["image"], list) else item["image"]
    path = _found(folder, str(image))
    suffix = next((s for s in _SUFFIXES if path.name.lower().endswith(s)), path.suffix)
    name = path.name[: -len(suffix) or None]
    fold = None if item.get("fold") is None else str(item["fold"])
    if "box" in item or "boxes" in item:
        boxes = np.array(item.get("box", item.get("boxes")), dtype=float).reshape(-1, 6)
        if not np.isfinite(boxes).all() or (boxes[:, 3:] < 0).any():
            raise LesionkitError(f"a box must be a centre and a size in mm, got {boxes.tolist()[:1]}")
        return SetEntry(name, path, lesions=tuple(_ball(n, box) for n, box in enumerate(boxes, 1)), fold=fold)
    label = item.get("label")
    if isinstance(label, str):
        return SetEntry(name, path, _found(folder, label), values, fold=fold)
    return SetEntry(name, path, fold=fold)


def _ball(number: int, box: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> Lesion:
    return Lesion(tuple(box[:3].tolist()), float(box[3:].mean()), lesion_id=str(number))


def _found(folder: Path, name: str) -> Path:
    """A file that a list names, below the list's folder or one of its folders of images."""
    places = [folder / name, *(folder / part / name for part in ("images", "imagesTr", "imagesTs", "scans"))]
    # A list that was made elsewhere: the file by its name alone.
    places += [folder / Path(name).name, *(folder / part / Path(name).name for part in ("images", "imagesTr", "scans"))]
    place = next((place for place in places if place.exists()), None)
    if place is None:
        raise LesionkitError(f"there is no file {name} beside the list")
    return place
