"""Found masks and truth -> the score of SIIM-ACR."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import decode_rle_siim, encode_rle_siim
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.siim import score_siim
from lesionkit.evaluate.tally import Tally
from lesionkit.infer.calibrate import Calibration
from lesionkit.recipes.card import dotted
from lesionkit.recipes.kind import Scored
from lesionkit.recipes.xray.search import FoundRadiograph
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.recipes.xray.truth import known_of

EMPTY = "-1"
"""The code of an image without a finding."""
SHAPE = (1024, 1024)
"""What masks are resized to where the radiographs of a score have several sizes."""


def score_found(found: Sequence[FoundRadiograph], model: Path, settings: XrayPneumothorax) -> Scored:
    """Join the truth of radiographs, and score those that have one; see `Kind.score`.

    Raises:
        LesionkitError: a code does not fit its image.
    """
    del model
    known = {one.item.case_id: text for one in found if (text := known_of(one.item, one.shape)) is not None}
    rows = [one for one in found if one.item.case_id in known]
    if not rows:
        return Scored({}, {})
    shapes = {one.shape for one in rows}
    shape = rows[0].shape if len(shapes) == 1 else SHAPE
    names = [one.item.case_id for one in rows]
    patients = [one.item.patient_id or one.patient_id for one in rows]
    true = [_at_shape(known[one.item.case_id], one, shape) for one in rows]
    score = score_siim(
        pd.DataFrame({"image_id": names, "patient_id": patients, "encoded": true}),
        pd.DataFrame({"image_id": names, "encoded": [_at_shape(one.encoded, one, shape) for one in rows]}),
        shape,
        {one.item.case_id: one.score for one in rows},
        settings.score,
    )
    if len(shapes) > 1:
        note = f"radiographs have {len(shapes)} sizes; masks were compared at {shape[0]} × {shape[1]} pixels"
        score = replace(score, warnings=(*score.warnings, note))
    ill = [known[one.item.case_id] != EMPTY for one in rows]
    tally = Tally.of_images(
        ill, [one.score for one in rows], Patients.of(names, dict(zip(names, patients, strict=True))), "radiograph"
    )
    return Scored(known, {"siim": score}, tally=tally)


def scores_of(found: Sequence[FoundRadiograph], model: Path, settings: XrayPneumothorax) -> list[float]:
    """Of every radiograph; see `Kind.scores`."""
    del model, settings
    return [one.score for one in found]


def rescored(one: FoundRadiograph, curve: Calibration) -> FoundRadiograph:
    """With a calibrated score; see `Kind.rescored`."""
    return replace(one, score=float(curve([one.score])[0]))


def basis(settings: XrayPneumothorax) -> dict[str, Any]:
    """See `Kind.basis`."""
    lung = {"crop": settings.lung.crop, "box": settings.lung.box.model_dump()}
    return dotted({"infer": {"flip": settings.infer.flip}, "lung": lung})


def _at_shape(encoded: str, row: FoundRadiograph, shape: tuple[int, int]) -> str:
    """The code of the same mask at another size: of each new pixel, what lies at its centre."""
    if row.shape == shape or encoded == EMPTY:
        return encoded
    try:
        mask = decode_rle_siim(encoded, row.shape)
    except LesionkitError as error:
        raise LesionkitError(f"image '{row.item.case_id}': {error}") from error
    places = [((np.arange(new) + 0.5) * old / new).astype(int) for old, new in zip(row.shape, shape, strict=True)]
    return encode_rle_siim(mask[np.ix_(*places)])
