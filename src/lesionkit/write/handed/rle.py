"""Masks of all images of a run -> one table of run lengths, as most Kaggle challenges ask for (system 1, row 1.19)."""

import csv
import io
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.files import write_text
from lesionkit.core.handed import Balls, Mask
from lesionkit.core.mask import encode_rle_kaggle
from lesionkit.write.handed.nifti import labels_of_balls

LEAST_PIXELS = 10
"""A mask of fewer pixels is written as empty."""


def rle_text(mask: NDArray[np.bool_], least: int = LEAST_PIXELS) -> str:
    """Run lengths of a mask (rows, columns): starts counted from 1 down the columns, and lengths; "" where it is small.

    >>> rle_text(np.ones((1, 9), bool)), rle_text(np.ones((5, 2), bool))
    ('', '1 10')
    """
    return encode_rle_kaggle(mask) if np.count_nonzero(mask) >= least else ""


def write_rle_of_masks(handed: Sequence[Mask], out: Path) -> list[Path]:
    """Write `rle_kaggle.csv` (img, pixels): a row per radiograph."""
    return [_write(out, ((one.case_id, one.mask()) for one in handed))]


def write_rle_of_balls(handed: Sequence[Balls], out: Path) -> list[Path]:
    """Write `rle_kaggle.csv` (img, pixels): a row per slice of every scan, as SERIES_INDEX, on the grid of the scan.

    What is written is as a network drew it where the run was measured (`lesionkit measure`), and else balls.
    """
    rows = ((f"{one.case_id}_{number}", flat) for one in handed for number, flat in enumerate(labels_of_balls(one) > 0))
    return [_write(out, rows)]


def _write(out: Path, masks: Iterable[tuple[str, NDArray[np.bool_]]]) -> Path:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["img", "pixels"])
    table.writerows((name, rle_text(mask)) for name, mask in masks)
    return write_text(out / "rle_kaggle.csv", text.getvalue())
