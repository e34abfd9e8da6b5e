"""Prepared radiographs in one memory-mapped file: grey values of 8 bits at one size, and masks of 1 bit.

The files lie in the cache, under a key of what they are made of, so that another run on the same images finds them;
what an interruption left unfinished is gone on with.
"""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grey import to_bytes, to_grey
from lesionkit.core.mask import decode_rle_siim
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.infer.segment import resized
from lesionkit.read.picture import read_mask, read_picture
from lesionkit.recipes.cache import cache_root
from lesionkit.recipes.fingerprint import fingerprint
from lesionkit.recipes.xray_rows import ImageRow

MaskKind = Literal["lesion", "lung"]
Corners = tuple[int, int, int, int]
"""First and last + 1 row, first and last + 1 column of a box of samples."""

_FORMAT = 1
_DONE = 1
_FEW = 1000
"""Fewer pictures are done before other processes have loaded what they need."""


@dataclass(frozen=True)
class Plan:
    """One picture to prepare: the image, cut down to a box where one is given."""

    row: ImageRow
    box: Corners | None = None


class PictureFile:
    """Prepared pictures; `Pictures` of `lesionkit.sample.radiographs`. May be handed to other processes."""

    def __init__(self, folder: Path, count: int, side: int) -> None:
        self.folder, self.count, self.side = folder, count, side
        self._open: tuple[Any, Any] | None = None

    def __len__(self) -> int:
        return self.count

    def image(self, number: int) -> NDArray[np.uint8]:
        """(side, side) grey values."""
        return np.array(self._files()[0][number])

    def mask(self, number: int) -> NDArray[np.bool_]:
        """(side, side); all false where it is empty or nobody looked."""
        bits = np.unpackbits(np.array(self._files()[1][number]), axis=1)
        return bits[:, : self.side].astype(bool)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_open": None}

    def _files(self) -> tuple[Any, Any]:
        if self._open is None:
            self._open = (np.load(self.folder / "images.npy", "r"), np.load(self.folder / "masks.npy", "r"))
        return self._open


def prepare_pictures(
    plans: Sequence[Plan], side: int, engine: EngineSettings, kind: MaskKind = "lesion"
) -> tuple[PictureFile, dict[int, str]]:
    """Pictures in the order of the plans, and why some could not be prepared, by their number.

    Raises:
        LesionkitError: none can be prepared.
    """
    if not plans:
        raise LesionkitError("there is no image to prepare; check the data set and its splits")
    folder = cache_root() / f"{_key(plans, side, kind)}.pictures"
    state = _begin(folder, len(plans), side)
    waiting = [number for number in range(len(plans)) if state[number] != _DONE]
    work = partial(_prepare, plans=tuple(plans), folder=folder, side=side, kind=kind)
    if engine.backend == "ray":
        # Workers on other machines could not write into a file of this one.
        engine = engine.model_copy(update={"backend": "processes"})
    if len(waiting) < _FEW:
        engine = engine.model_copy(update={"backend": "here"})
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
    share = resized(mask.astype(np.float32), shape)
    return share >= min(float(share.max()), 0.5)


def _prepare(number: int, plans: Sequence[Plan], folder: Path, side: int, kind: MaskKind) -> None:
    plan = plans[number]
    image = prepared_image(plan.row, side, plan.box)
    mask = prepared_mask(plan.row, side, plan.box, kind)
    for name, value in (("images", image), ("masks", np.packbits(mask, axis=1)), ("state", _DONE)):
        # Each process writes its own rows of files that are there already; the state last.
        file: Any = np.load(folder / f"{name}.npy", "r+")
        file[number] = value
        file.flush()


def _begin(folder: Path, count: int, side: int) -> NDArray[np.uint8]:
    """What is done already; makes the files where they are not there."""
    if not (folder / "state.npy").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        shapes = {"images": (count, side, side), "masks": (count, side, -(-side // 8)), "state": (count,)}
        for name, shape in shapes.items():
            open_memmap(folder / f"{name}.npy", "w+", np.uint8, shape).flush()
    return np.array(np.load(folder / "state.npy"))


def _key(plans: Sequence[Plan], side: int, kind: MaskKind) -> str:
    """What the pictures are made of: contents of the files, truth, boxes, size."""
    parts: list[Any] = [_FORMAT, side, kind]
    for plan in plans:
        truth = fingerprint(Path(plan.row.lungs))["sha256"] if kind == "lung" and plan.row.lungs else plan.row.encoded
        parts.append([fingerprint(Path(plan.row.path))["sha256"], truth, plan.box])
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]
