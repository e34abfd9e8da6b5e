"""Boxes that other detectors found, as JSON, as a table of marks: MONAI's and nnDetection's.

MONAI's bundle and tutorials write a list of images, each with `box` (x, y, z, width, height, depth in mm of LPS, as
LUNA16's truth), `label_scores` or `score`, and `image`; the list may stand below a name such as "validation".
nnDetection's `nndet_boxes2nii` writes a file `CASE_boxes.json` per scan, of boxes in voxels, beside `CASE_boxes.nii.gz`
which says where they lie; it leaves out boxes below a score of 0.5 unless it is given `--threshold 0`.
"""

import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.untrusted import reads
from lesionkit.read.truth.luna import PLACE
from lesionkit.read.volume_names import SUFFIXES, volume_suffix

_OF_A_CASE = "_boxes.json"
_UID_AS_NAME = re.compile(r"\d+(_\d+){5,}")
_Row = tuple[str, float, float, float, float, float]


def is_box_marks(path: Path) -> bool:
    """Whether marks are boxes in JSON, or a folder of nnDetection's."""
    return path.suffix.lower() == ".json" or (path.is_dir() and any(path.glob(f"*{_OF_A_CASE}")))


@reads("boxes with scores")
def read_box_marks(path: Path) -> pd.DataFrame:
    """Boxes as `read_marks` gives marks: seriesuid, coordX, coordY, coordZ, probability, diameter_mm.

    The diameter is the mean of a box's sides; the index is the number of the box, from 1.

    Args:
        path: a file of either kind, or a folder of nnDetection's.

    Raises:
        LesionkitError: it is neither, a box or score is no number, or a scan of nnDetection's does not say its place.
    """
    files = sorted(path.glob(f"*{_OF_A_CASE}")) if path.is_dir() else [path]
    rows = [row for file in files for row in _rows(file)]
    columns = ["seriesuid", *PLACE, "probability", "diameter_mm"]
    return pd.DataFrame(rows, columns=columns, index=range(1, len(rows) + 1))


def _rows(path: Path) -> Iterator[_Row]:
    try:
        held: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LesionkitError(f"{path} cannot be read ({error.strerror}); check its name and permissions") from error
    except (ValueError, RecursionError) as error:
        raise LesionkitError(f"{path} must be JSON, but is damaged ({error}); write the boxes again") from error
    if path.name.endswith(_OF_A_CASE) and isinstance(held, Mapping):
        yield from _of_a_case(path, held)
        return
    lists = list(held.values()) if isinstance(held, Mapping) else [held]
    several = [one for images in lists if isinstance(images, list) for one in images]
    images = [one for one in several if isinstance(one, Mapping) and "box" in one]
    if not images:
        raise LesionkitError(
            f"{path} must hold boxes as MONAI writes them (a list of images with box, label_scores and image) or as "
            f"nnDetection does (CASE{_OF_A_CASE}), got something else; of a run of lesionkit give the folder"
        )
    for number, image in enumerate(images, start=1):
        yield from _of_an_image(path, number, image)


def _of_an_image(path: Path, number: int, image: Mapping[str, Any]) -> Iterator[_Row]:
    """The boxes of one image of MONAI's."""
    where = f"{path}: image {number}"
    name, boxes = image.get("image"), image["box"]
    scores = next((image[key] for key in ("label_scores", "score", "scores", "pred_score") if key in image), None)
    if not isinstance(name, str) or not name:
        raise LesionkitError(f"{where} must name its file ('image'), got {name!r}; write the boxes with it")
    if scores is None:
        raise LesionkitError(f"{where} has boxes without scores; is it a truth instead of what was found?")
    if not isinstance(boxes, list) or not isinstance(scores, list) or len(boxes) != len(scores):
        raise LesionkitError(f"{where} must have a score for each box, got {_count(scores)} for {_count(boxes)}")
    for box, score in zip(boxes, scores, strict=True):
        x, y, z, *sides = _numbers(where, box, 6)
        if min(sides) < 0:
            raise LesionkitError(f"{where}: a box must be a centre and three lengths (cccwhd), got {box}")
        yield (_series(name), x, y, z, _numbers(where, [score], 1)[0], sum(sides) / 3)


def _of_a_case(path: Path, held: Mapping[str, Any]) -> Iterator[_Row]:
    """The boxes of one scan of nnDetection's: (z, y, z, y, x, x), the voxels just outside of what was found."""
    case = path.name.removesuffix(_OF_A_CASE)
    grid = _place_of(path, case) if held else None
    for key, one in held.items():
        where = f"{path}: box {key}"
        if not isinstance(one, Mapping) or grid is None:
            raise LesionkitError(f"{where} must have box and score, got {one!r}; write it by nndet_boxes2nii")
        first = _numbers(where, one.get("box"), 6)
        low, high = np.array([first[0], first[1], first[4]]), np.array([first[2], first[3], first[5]])
        x, y, z = (float(value) for value in grid.index_to_world((low + high) / 2))
        sides = (high - low - 1) * np.array(grid.spacing_mm)
        yield _series(case), x, y, z, _numbers(where, [one.get("score")], 1)[0], float(np.maximum(sides, 0).mean())


def _place_of(path: Path, case: str) -> Grid:
    # Most boxes are in millimetres, and to score those needs no reader of images.
    from lesionkit.read.volume import read_grid

    names = [f"{stem}{suffix}" for stem in (f"{case}_boxes", case) for suffix in SUFFIXES]
    beside = next((path.parent / name for name in names if (path.parent / name).is_file()), None)
    if beside is None:
        raise LesionkitError(
            f"{path} holds boxes in voxels, whose place is told by {case}_boxes.nii.gz, which is not beside it; put it "
            "or the scan there"
        )
    return read_grid(beside)


def _series(name: str) -> str:
    """The series of a file: its name without folder and suffix; nnDetection writes dots of UIDs as underscores."""
    stem = re.split(r"[/\\]", name)[-1]
    stem = stem[: -len(volume_suffix(Path(stem)) or "") or None]
    return stem.replace("_", ".") if _UID_AS_NAME.fullmatch(stem) else stem


def _numbers(where: str, values: Any, count: int) -> list[float]:
    fits = isinstance(values, Sequence) and not isinstance(values, str) and len(values) == count
    if fits and all(isinstance(one, int | float) and math.isfinite(one) for one in values):
        return [float(one) for one in values]
    wanted = f"{count} finite numbers" if count > 1 else "a finite number as score"
    raise LesionkitError(f"{where} must have {wanted}, got {str(values)[:80]}; write the boxes again")


def _count(values: Any) -> str:
    return str(len(values)) if isinstance(values, list) else "none"
