"""What was found on radiographs -> tables, score and page in the run folder."""

import csv
import io
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lesionkit.core.files import write_text
from lesionkit.core.grey import to_bytes
from lesionkit.core.mask import decode_rle_siim
from lesionkit.evaluate.overlap import mask_dice
from lesionkit.evaluate.points import Decision
from lesionkit.read.picture import read_picture
from lesionkit.recipes.ensemble import model_card
from lesionkit.recipes.kind import Pages, Shelf, View
from lesionkit.recipes.xray.ensemble import load_ensemble, rule_document
from lesionkit.recipes.xray.rules import rule_search
from lesionkit.recipes.xray.search import FoundRadiograph as FoundRow
from lesionkit.recipes.xray.search import probability_file
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.report.found_radiograph import FoundRadiograph
from lesionkit.report.headline import figure_text
from lesionkit.report.look import Look, radiograph_look
from lesionkit.report.radiograph_page import write_radiograph_report
from lesionkit.report.radiograph_picture import FoundPixels
from lesionkit.write.siim import write_siim_table

PREDICTIONS, SUBMISSION = "predictions.csv", "submission.csv"
_HEADLINES = ("dice", "dice on positives", "all-empty baseline", "image AUC")


def show(shelf: Shelf[FoundRow], settings: XrayPneumothorax) -> View:
    """predictions.csv, submission.csv and report.html; see `Kind.show`."""
    del settings
    found, known, decision = shelf.found, shelf.scored.known, shelf.about.decision
    table = write_predictions(shelf.folder / PREDICTIONS, found, decision)
    write_siim_table(shelf.folder / SUBMISSION, {one.item.case_id: [one.encoded] for one in found})
    score = next(iter(shelf.scored.scores.values()), None)
    pages = (_shown(one, shelf.folder, known.get(one.item.case_id), decision) for one in found)
    facts = {**shelf.facts, **_of_model(shelf.model), "warnings": shelf.warnings}
    page = write_radiograph_report(shelf.folder, pages, facts, score, about=shelf.about)
    told: dict[str, str | int | float] = {"outlined by the rule": sum(one.encoded != "-1" for one in found)}
    if score is not None:
        names = [name for name in _HEADLINES if np.isfinite(score.figures[name].value)]
        told |= {name: figure_text(score, name) for name in names}
    return View((page, table), told)


def look(shelf: Shelf[FoundRow], settings: XrayPneumothorax) -> Look:
    """One radiograph in a box; see `Pages.look`."""
    del settings
    (one,) = shelf.found
    known = shelf.scored.known.get(one.item.case_id)
    return radiograph_look(_shown(one, shelf.folder, known, shelf.about.decision))


def _of_model(model: Path) -> dict[str, Any]:
    return {
        "rule": rule_document(load_ensemble(model).rule),
        "rule_search": rule_search(model),
        "projections_only": bool(model_card(model).get("projections_only")),
    }


def write_predictions(path: Path, found: Sequence[FoundRow], decision: Decision) -> Path:
    """Write a row per radiograph: case_id, probability, p_nonempty, area, decided; returns the path.

    `probability` ranks images, and what is not below the threshold has `decided` 1; that is blank where nothing
    decides. `p_nonempty` is blank where no image head says; `area`, a share of the image, is that of the rule's mask.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case_id", "probability", "p_nonempty", "area", "decided"])
    for row in found:
        head = "" if row.p_nonempty is None else f"{row.p_nonempty:.6g}"
        # All digits, so that who applies the threshold to the table decides alike.
        writer.writerow([row.item.case_id, row.score, head, f"{row.area:.6g}", decision.column(row.score)])
    return write_text(path, text.getvalue())


def _shown(one: FoundRow, folder: Path, truth: str | None, decision: Decision) -> FoundRadiograph:
    warnings, dice = [*one.facts["warnings"], *one.facts["notes"]], None
    decided = decision.above(one.score)
    outline = decode_rle_siim(one.outline(decided), one.shape)
    if truth is not None:
        dice = mask_dice(outline, decode_rle_siim(truth, one.shape))
    return FoundRadiograph(
        case_id=one.item.case_id,
        read=partial(_pixels, one, folder, truth, outline),
        score=one.score,
        p_nonempty=one.p_nonempty,
        decided=decided,
        area_share=float(outline.mean()),
        truth_known=truth is not None,
        dice=dice,
        facts={"path": str(one.item.path), "seconds": one.facts["seconds"], "warnings": warnings},
    )


def _pixels(one: FoundRow, folder: Path, truth: str | None, outline: NDArray[np.bool_]) -> FoundPixels:
    case = read_picture(one.item.path)
    with Image.open(probability_file(folder, one.item.case_id)) as levels:
        probability = np.asarray(levels, np.float32) / 255
    return FoundPixels(
        image=to_bytes(case.image.read(case.image.grid.whole)),
        probability=probability,
        mask=outline,
        truth=None if truth is None else decode_rle_siim(truth, one.shape),
    )


PAGES = Pages(show, look)
