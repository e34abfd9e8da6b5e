"""What was found on radiographs -> tables, score and page in the run folder."""

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lesionkit.core.files import write_text
from lesionkit.core.grey import to_bytes
from lesionkit.core.mask import decode_rle_siim
from lesionkit.evaluate.document import to_document, to_tables
from lesionkit.evaluate.overlap import mask_dice
from lesionkit.evaluate.score import Score
from lesionkit.read.picture import read_mask, read_picture
from lesionkit.recipes.base import Summary
from lesionkit.recipes.xray.ensemble import load_ensemble, rule_document
from lesionkit.recipes.xray.find import MASKS, FoundRow
from lesionkit.recipes.xray.rules import model_card, rule_search
from lesionkit.recipes.xray.score import Truth, score_found
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.report.radiograph_page import FoundRadiograph, write_radiograph_report
from lesionkit.report.radiograph_picture import FoundPixels
from lesionkit.runs.run_folder import RunFolder
from lesionkit.write.score import write_score
from lesionkit.write.siim import write_siim_table

PREDICTIONS, SUBMISSION = "predictions.csv", "submission.csv"


def write_results(
    run: RunFolder,
    found: Sequence[FoundRow],
    failed: Mapping[str, str],
    truth: Truth,
    model: Path,
    settings: XrayPneumothorax,
) -> Summary:
    """predictions.csv, submission.csv, score/ where the truth is known, and report.html."""
    table = write_predictions(run.path / PREDICTIONS, found)
    write_siim_table(run.path / SUBMISSION, {row.case_id: [row.encoded] for row in found})
    score = score_found(found, truth, settings.score)
    if score is not None:
        write_score(run.path / "score", to_document(score), to_tables(score))
    facts = _facts(run, model, settings)
    reasons = {name: reason.removeprefix(f"{name}: ") for name, reason in failed.items()}
    pages = (_found_radiograph(row, run.path, truth) for row in found)
    page = write_radiograph_report(run.path, pages, {**facts, "failed": reasons}, score)
    seconds = [sum(row.seconds.values()) for row in found]
    told: dict[str, str | int | float] = {
        "radiographs searched": len(found),
        "with pneumothorax": sum(row.decided for row in found),
        "time per radiograph": f"{sum(seconds) / max(len(seconds), 1):.2f} s",
        **({} if score is None else _headlines(score)),
    }
    warnings = [*(score.warnings if score is not None else ()), *_of_images(found)]
    for sentence in warnings:
        run.warn(sentence)
    return Summary(told, (page, table), failed, tuple(warnings), len(found) + len(failed))


def _of_images(found: Sequence[FoundRow]) -> list[str]:
    """What is odd about radiographs; that most files tell no pixel spacing is told on their pages only."""
    return [f"{row.case_id}: {text}" for row in found for text in row.warnings if "no pixel spacing" not in text]


def write_predictions(path: Path, found: Sequence[FoundRow]) -> Path:
    """Write a row per radiograph: case_id, probability, p_nonempty, area, decided; returns the path.

    `probability` ranks images; `p_nonempty` is blank where no image head says; `area` is a share of the image.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["case_id", "probability", "p_nonempty", "area", "decided"])
    for row in found:
        head = "" if row.p_nonempty is None else f"{row.p_nonempty:.6g}"
        writer.writerow([row.case_id, f"{row.score:.6g}", head, f"{row.area:.6g}", int(row.decided)])
    return write_text(path, text.getvalue())


def _headlines(score: Score) -> dict[str, str]:
    told = {}
    for name in ("dice", "dice on positives", "all-empty baseline", "image AUC"):
        figure = score.figures[name]
        if np.isfinite(figure.value):
            known = figure.lower is not None and figure.upper is not None and score.counts["images"] > 1
            interval = f" (95 % interval {figure.lower:.3f} to {figure.upper:.3f})" if known else ""
            told[name] = f"{figure.value:.3f}{interval}"
    return told


def _facts(run: RunFolder, model: Path, settings: XrayPneumothorax) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "versions": run.record["versions"],
        "settings": settings.model_dump(mode="json"),
        "rule": rule_document(load_ensemble(model).rule),
        "run": str(run.record["started"]),
        "warnings": list(run.warnings),
        "rule_search": rule_search(model),
        "projections_only": bool(model_card(model).get("projections_only")),
    }
    given = run.record["inputs"].get("model")
    return {**facts, "model": dict(given)} if isinstance(given, dict) else facts


def _found_radiograph(row: FoundRow, out: Path, truth: Truth) -> FoundRadiograph:
    known = truth.get(row.case_id)
    dice = None
    if known is not None:
        masks = [decode_rle_siim(text, row.shape) for text in (row.encoded, known[0])]
        dice = mask_dice(masks[0], masks[1])
    return FoundRadiograph(
        case_id=row.case_id,
        read=partial(_pixels, row, out, None if known is None else known[0]),
        score=row.score,
        p_nonempty=row.p_nonempty,
        decided=row.decided,
        area_share=row.area,
        truth_known=known is not None,
        dice=dice,
        facts={"path": row.path, "seconds": dict(row.seconds), "warnings": list(row.warnings)},
    )


def _pixels(row: FoundRow, out: Path, truth: str | None) -> FoundPixels:
    case = read_picture(Path(row.path))
    with Image.open(out / MASKS / f"{row.case_id}-probability.png") as levels:
        probability = np.asarray(levels, np.float32) / 255
    return FoundPixels(
        image=to_bytes(case.image.read(case.image.grid.whole)),
        probability=probability,
        mask=read_mask(out / MASKS / f"{row.case_id}.png", row.shape),
        truth=None if truth is None else decode_rle_siim(truth, row.shape),
    )
