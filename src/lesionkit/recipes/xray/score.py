"""Found masks and truth -> the score of SIIM-ACR."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import decode_rle_siim, encode_rle_siim
from lesionkit.core.runs import runs_of
from lesionkit.evaluate.score import Score
from lesionkit.evaluate.siim import SiimSettings, score_siim
from lesionkit.read.chest_set import TABLES, chest_mask, chest_set_notes, read_chest_set
from lesionkit.read.truth.siim import read_siim_table
from lesionkit.read.unmatched import unmatched
from lesionkit.recipes.xray.find import FoundRow
from lesionkit.recipes.xray.rows import ImageRow

SHAPE = (1024, 1024)
"""What masks are resized to where the radiographs of a score have several sizes."""

Truth = Mapping[str, tuple[str, str]]
"""Case id -> (rle_siim at the radiograph's own size, patient id)."""


def truth_of_rows(rows: Sequence[ImageRow]) -> dict[str, tuple[str, str]]:
    """Of images whose truth is known."""
    return {row.case_id: (row.encoded, row.patient_id) for row in rows if row.looked_at}


def truth_beside(searched: Path, given: Path | None, found: Sequence[FoundRow]) -> dict[str, tuple[str, str]]:
    """The truth of what was found: of a table or folder that was given, else of what lies beside the radiographs.

    Images that nobody looked at are left out.

    Raises:
        LesionkitError: the given file is no table of masks, or a mask does not fit its image.
    """
    patients = {row.case_id: row.patient_id for row in found}
    if given is not None and given.is_file():
        table = read_siim_table(given)
        texts: dict[str, list[str]] = {}
        for image_id, text in zip(table["image_id"], table["encoded"], strict=True):
            texts.setdefault(image_id, []).append(text)
        shapes = {row.case_id: row.shape for row in found}
        return {
            name: (encode_rle_siim(decode_rle_siim(texts[name], shapes[name])), patients[name])
            for name in patients.keys() & texts.keys()
        }
    folder = given or searched
    if not _is_set(folder):
        return {}
    known = {}
    paths = {row.path: row for row in found}
    for image in read_chest_set(folder):
        row = paths.get(str(image.path.absolute()))
        if row is not None and image.looked_at:
            encoded = encode_rle_siim(runs_of(chest_mask(image, row.shape)))
            known[row.case_id] = (encoded, image.patient_id or row.patient_id)
    return known


def truth_notes(searched: Path, given: Path | None, found: Sequence[FoundRow]) -> tuple[str, ...]:
    """Which truth belongs to no radiograph, in sentences; nothing is said where one file of many is searched."""
    if searched.is_file():
        return ()
    if given is not None and given.is_file():
        named = read_siim_table(given)["image_id"].tolist()
        return tuple(unmatched(given, named, {row.case_id for row in found}, "radiograph"))
    return chest_set_notes(given or searched) if _is_set(given or searched) else ()


def _is_set(folder: Path) -> bool:
    return folder.is_dir() and (any((folder / t).is_file() for t in TABLES) or (folder / "masks").is_dir())


def score_found(found: Sequence[FoundRow], truth: Truth, settings: SiimSettings) -> Score | None:
    """Score the radiographs whose truth is known; None where there is none.

    Raises:
        LesionkitError: a code does not fit its image.
    """
    rows = [row for row in found if row.case_id in truth]
    if not rows:
        return None
    shapes = {row.shape for row in rows}
    shape = rows[0].shape if len(shapes) == 1 else SHAPE
    ids = {"image_id": [row.case_id for row in rows]}
    patients = {"patient_id": [truth[row.case_id][1] for row in rows]}
    true = pd.DataFrame({**ids, **patients, "encoded": [_at_shape(truth[r.case_id][0], r, shape) for r in rows]})
    marks = pd.DataFrame({**ids, "encoded": [_at_shape(row.encoded, row, shape) for row in rows]})
    score = score_siim(true, marks, shape, {row.case_id: row.score for row in rows}, settings)
    notes = []
    if len(shapes) > 1:
        notes.append(f"radiographs have {len(shapes)} sizes; masks were compared at {shape[0]} × {shape[1]} pixels")
    if len(rows) < len(found):
        notes.append(f"{len(found) - len(rows)} of {len(found)} radiographs have no known truth and are not scored")
    return replace(score, warnings=(*score.warnings, *notes))


def _at_shape(encoded: str, row: FoundRow, shape: tuple[int, int]) -> str:
    """The code of the same mask at another size: of each new pixel, what lies at its centre."""
    if row.shape == shape or encoded == "-1":
        return encoded
    try:
        mask = decode_rle_siim(encoded, row.shape)
    except LesionkitError as error:
        raise LesionkitError(f"image '{row.case_id}': {error}") from error
    places = [((np.arange(new) + 0.5) * old / new).astype(int) for old, new in zip(row.shape, shape, strict=True)]
    return encode_rle_siim(mask[np.ix_(*places)])
