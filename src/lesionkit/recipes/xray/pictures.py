"""Radiographs on disk -> prepared pictures in the cache, under a key of what they are made of.

Another run on the same images finds them; what an interruption left unfinished is gone on with.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

import lesionkit
from lesionkit.core.cache_root import cache_root
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grey import to_bytes, to_grey
from lesionkit.core.mask import decode_rle_siim
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.prepare.picture_store import PictureFile, PictureStore, write_picture
from lesionkit.read.chest_rows import ImageRow
from lesionkit.read.picture import read_mask, read_picture
from lesionkit.runs.fingerprint import fingerprint

MaskKind = Literal["lesion", "lung"]
Corners = tuple[int, int, int, int]
"""First and last + 1 row, first and last + 1 column of a box of samples."""

_FORMAT = 2
_FEW = 1000
"""Fewer pictures are done before other processes have loaded what they need."""


@dataclass(frozen=True)
class Plan:
    """One picture to prepare: the image, cut down to a box where one is given."""

    row: ImageRow
    box: Corners | None = None


def prepare_pictures(
    plans: Sequence[Plan], side: int, engine: EngineSettings, kind: MaskKind = "lesion"
) -> tuple[PictureFile, dict[int, str]]:
    """Pictures in the order of the plans, and why some could not be prepared, by their number.

    Raises:
        LesionkitError: none can be prepared.
    """
    if not plans:
        raise LesionkitError("there is no image to prepare; check the data set and its splits")
    folder, waiting = PictureStore(cache_root()).begin(_key(plans, side, kind), len(plans), side)
    work = partial(_prepare, plans=tuple(plans), folder=folder, side=side, kind=kind)
    if engine.backend == "ray":
        # Workers on other machines could not write into a file of this one.
        engine = engine.model_copy(update={"backend": "processes"})
    if len(waiting) < _FEW:
        engine = engine.model_copy(update={"backend": "processes", "workers": 1})
    failed = {o.item: o.error for o in map_cases(work, waiting, engine, "preparing") if o.error} if waiting else {}
    if len(failed) == len(plans):
        raise LesionkitError(f"none of {len(plans)} images can be prepared; the first: {next(iter(failed.values()))}")
    return PictureFile(folder, len(plans), side), failed


def prepared_image(row: ImageRow, side: int, box: Corners | None = None) -> NDArray[np.uint8]:
    """The image of a row, cut to a box and resized: (side, side) grey values of 8 bits."""
    case = read_picture(Path(row.path))
    grey = to_grey(case.image.read(case.image.grid.whole))
    if box is not None:
        grey = grey[box[0] : box[1], box[2] : box[3]]
    from lesionkit.infer.segment import resized

    return to_bytes(resized(grey, (side, side)))


def prepared_mask(row: ImageRow, side: int, box: Corners | None, kind: MaskKind) -> NDArray[np.bool_]:
    """The mask of a row, cut and resized like its image."""
    if kind == "lung":
        mask = read_mask(Path(row.lungs), row.shape) if row.lungs else np.zeros(row.shape, bool)
    elif not row.positive:
        return np.zeros((side, side), bool)
    else:
        mask = decode_rle_siim(row.encoded, row.shape)
    if box is not None:
        mask = mask[box[0] : box[1], box[2] : box[3]]
    return resized_mask(mask, (side, side))


def resized_mask(mask: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask (y, x) at another size: what is at least half inside; if nothing is, what comes closest to it."""
    if mask.shape == shape or not mask.any():
        return mask if mask.shape == shape else np.zeros(shape, bool)
    from lesionkit.infer.segment import resized

    share = resized(mask.astype(np.float32), shape)
    return share >= min(float(share.max()), 0.5)


def _prepare(number: int, plans: Sequence[Plan], folder: Path, side: int, kind: MaskKind) -> None:
    plan = plans[number]
    image = prepared_image(plan.row, side, plan.box)
    write_picture(folder, number, image, prepared_mask(plan.row, side, plan.box, kind))


def _key(plans: Sequence[Plan], side: int, kind: MaskKind) -> str:
    """What the pictures are made of: contents of the files, truth, boxes, size, version."""
    parts: list[Any] = [_FORMAT, lesionkit.__version__, side, kind]
    for plan in plans:
        truth = fingerprint(Path(plan.row.lungs))["sha256"] if kind == "lung" and plan.row.lungs else plan.row.encoded
        parts.append([fingerprint(Path(plan.row.path))["sha256"], truth, plan.box])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
