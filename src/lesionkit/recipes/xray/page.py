"""What was found on radiographs -> tables, score and page in the run folder."""

import csv
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lesionkit.core.files import write_text
from lesionkit.core.grey import to_bytes
from lesionkit.core.mask import decode_rle_siim
from lesionkit.evaluate.overlap import mask_dice
from lesionkit.read.picture import read_mask, read_picture
from lesionkit.recipes.ensemble import model_card
from lesionkit.recipes.kind import Shelf, View
from lesionkit.recipes.xray.ensemble import load_ensemble, rule_document
from lesionkit.recipes.xray.rules import rule_search
from lesionkit.recipes.xray.search import MASKS, probability_file
from lesionkit.recipes.xray.search import FoundRadiograph as FoundRow
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.report.headline import figure_text
from lesionkit.report.radiograph_page import FoundRadiograph, write_radiograph_report
from lesionkit.report.radiograph_picture import FoundPixels
from lesionkit.write.siim import write_siim_table

PREDICTIONS, SUBMISSION = "predictions.csv", "submission.csv"
_HEADLINES = ("dice", "dice on positives", "all-empty baseline", "image AUC")


def show(shelf: Shelf[FoundRow], settings: XrayPneumothorax) -> View:
    """predictions.csv, submission.csv and report.html; see `Kind.show`."""
    del settings
    found, known = shelf.found, shelf.scored.known
    table = write_predictions(shelf.folder / PREDICTIONS, found)
    write_siim_table(shelf.folder / SUBMISSION, {one.item.case_id: [one.encoded] for one in found})
    score = next(iter(shelf.scored.scores.values()), None)
    pages = (_shown(one, shelf.folder, known.get(one.item.case_id)) for one in found)
    page = write_radiograph_report(
        shelf.folder, pages, {**shelf.facts, **_of_model(shelf.model), "warnings": shelf.warnings}, score
    )
    told: dict[str, str | int | float] = {"with pneumothorax": sum(one.decided for one in found)}
    if score is not None:
        names = [name for name in _HEADLINES if np.isfinite(score.figures[name].value)]
        told |= {name: figure_text(score, name) for name in names}
    return View((page, table), told)


def _of_model(model: Path) -> dict[str, Any]:
    return {
        "rule": rule_document(load_ensemble(model).rule),
        "rule_search": rule_search(model),
        "projections_only": bool(model_card(model).get("projections_only")),
    }


def write_predictions(path: Path, found: Sequence[FoundRow]) -> Path:
    """Write a row per radiograph: case_id, probability, p_nonempty, area, decided; returns the path.

    `probability` ranks images; `p_nonempty` is blank where no image head says; `area` is a share of the image.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case_id", "probability", "p_nonempty", "area", "decided"])
    for row in found:
        head = "" if row.p_nonempty is None else f"{row.p_nonempty:.6g}"
        writer.writerow([row.item.case_id, f"{row.score:.6g}", head, f"{row.area:.6g}", int(row.decided)])
    return write_text(path, text.getvalue())


def _shown(one: FoundRow, folder: Path, truth: str | None) -> FoundRadiograph:
    warnings, dice = [*one.facts["warnings"], *one.facts["notes"]], None
    if truth is not None:
        dice = mask_dice(*(decode_rle_siim(text, one.shape) for text in (one.encoded, truth)))
    return FoundRadiograph(
        case_id=one.item.case_id,
        read=partial(_pixels, one, folder, truth),
        score=one.score,
        p_nonempty=one.p_nonempty,
        decided=one.decided,
        area_share=one.area,
        truth_known=truth is not None,
        dice=dice,
        facts={"path": str(one.item.path), "seconds": one.facts["seconds"], "warnings": warnings},
    )


def _pixels(one: FoundRow, folder: Path, truth: str | None) -> FoundPixels:
    case = read_picture(one.item.path)
    with Image.open(probability_file(folder, one.item.case_id)) as levels:
        probability = np.asarray(levels, np.float32) / 255
    return FoundPixels(
        image=to_bytes(case.image.read(case.image.grid.whole)),
        probability=probability,
        mask=read_mask(folder / MASKS / f"{one.item.case_id}.png", one.shape),
        truth=None if truth is None else decode_rle_siim(truth, one.shape),
    )
