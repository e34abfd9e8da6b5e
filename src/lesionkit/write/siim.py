"""Masks -> the tables and files of the SIIM-ACR challenge. Inverse of `lesionkit.read.truth.siim` and `chest_set`."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text
from lesionkit.core.mask import encode_rle_siim
from lesionkit.core.runs import Runs

EMPTY = "-1"


def write_siim_table(
    path: Path, masks: Mapping[str, Sequence[NDArray[np.bool_] | Runs | str]], scores: Mapping[str, float] | None = None
) -> Path:
    """Write `ImageId,EncodedPixels`, one row per mask and `-1` for an image without any; returns the path.

    Args:
        masks: by image, its masks as arrays (row, column), as runs, or as rle_siim text. An empty mask is no lesion.
        scores: probability of a finding by image, written as a third column `score`.

    Raises:
        LesionkitError: a score is missing for an image.
    """
    header = ["ImageId", "EncodedPixels", *(["score"] if scores is not None else [])]
    rows: list[list[Any]] = [header]
    for image_id, parts in masks.items():
        if scores is not None and image_id not in scores:
            raise LesionkitError(f"every image needs a score, but '{image_id}' has none")
        texts = [part.strip() if isinstance(part, str) else encode_rle_siim(part) for part in parts]
        extra = [f"{scores[image_id]:.6g}"] if scores is not None else []
        rows += [[image_id, text, *extra] for text in [t for t in texts if t != EMPTY] or [EMPTY]]
    return _write_table(path, rows)


def write_image_patients(path: Path, patients: Mapping[str, str]) -> Path:
    """Write `patients.csv` (image_id,patient_id) from patient ids by image; returns the path."""
    return _write_table(path, [["image_id", "patient_id"], *([image, patient] for image, patient in patients.items())])


def write_mask(path: Path, mask: NDArray[np.bool_], downsample: float | None = None) -> Path:
    """Write a mask (row, column) as a PNG of 0 and 255; returns the path.

    Args:
        downsample: pixels of the image per sample, to be kept as the text "downsample"; None for a mask of full size.

    Raises:
        LesionkitError: the mask is not 2-D, or the file cannot be written.
    """
    if mask.ndim != 2:
        raise LesionkitError(f"a mask file holds rows and columns, got an array of shape {mask.shape}")
    words = PngInfo()
    if downsample is not None:
        words.add_text("downsample", f"{downsample:g}")
    with replacing(path) as temporary:
        picture = Image.fromarray(np.where(mask, 255, 0).astype(np.uint8))
        picture.save(temporary, format="PNG", optimize=True, pnginfo=words)
    return Path(path)


def _write_table(path: Path, rows: Sequence[Sequence[Any]]) -> Path:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return write_text(path, text.getvalue())
