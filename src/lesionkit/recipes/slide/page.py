"""What was found on slides -> tables, scores and page in the run folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesionkit.evaluate.document import to_document, to_tables
from lesionkit.evaluate.score import Score
from lesionkit.read.slide.set import SlideEntry
from lesionkit.recipes.base import Summary
from lesionkit.recipes.slide.ensemble import committee_of, read_model_card
from lesionkit.recipes.slide.score import Known, known_of, score_found
from lesionkit.recipes.slide.search import MAPS, MARKS, OUTLINES, FoundSlide
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.slide.show import Shown
from lesionkit.report.slide_page import write_slide_report
from lesionkit.runs.run_folder import RunFolder
from lesionkit.write.camelyon import write_slide_scores
from lesionkit.write.score import write_score

SCORES = "scores.csv"
_NOT_SHOWN = ("settings", "versions", "answer", "answers", "mean answer", "format", "nets")

Pairs = Sequence[tuple[FoundSlide, SlideEntry]]


def write_results(
    run: RunFolder, pairs: Pairs, failed: Mapping[str, str], settings: SlideMetastasis, model: Path
) -> Summary:
    """scores.csv, score/ where the truth is known, and report.html; maps, marks and outlines lie there already."""
    from lesionkit.recipes.slide.calibration import read_scorer

    score_of = read_scorer(model, settings)
    scores = {found.slide_id: score_of(found) for found, _ in pairs}
    table = write_slide_scores(run.path / SCORES, scores)
    known = known_of(pairs, settings)
    scored = score_found(pairs, scores, known, settings)
    for name, score in scored.items():
        folder = run.path / "score" / name if len(scored) > 1 else run.path / "score"
        write_score(folder, to_document(score), to_tables(score))
    warnings = tuple(dict.fromkeys(_warnings(pairs, known, scored)))
    for sentence in warnings:
        run.warn(sentence)
    shown = Shown(run.path, pairs, scores, known, settings)
    page = write_slide_report(run.path, shown, _facts(run, failed, settings, model), list(scored.values()))
    folders = [run.path / name for name in (MARKS, MAPS, OUTLINES)]
    return Summary(
        facts=_told(pairs, scores, scored),
        paths=(page, table, *folders),
        failed=failed,
        warnings=warnings,
        cases=len(pairs) + len(failed),
    )


def _facts(run: RunFolder, failed: Mapping[str, str], settings: SlideMetastasis, model: Path) -> dict[str, Any]:
    """What made the result: the versions when the run began, not those that write its page again; settings; card."""
    card = {name: value for name, value in read_model_card(model).items() if name not in _NOT_SHOWN}
    if model.suffix == ".json":
        card["networks"] = ", ".join(net.name for net in committee_of(model))
    # Sentences of readers begin with the path of the slide, which is its name here.
    reasons = {name: reason.removeprefix(f"{name}: ") for name, reason in failed.items()}
    return {
        "failed": reasons,
        "run": str(run.record["started"]),
        "model": {**card, "file": model.name},
        "versions": run.record["versions"],
        "settings": settings.model_dump(mode="json"),
    }


def _told(pairs: Pairs, scores: Mapping[str, float], scored: Mapping[str, Score]) -> dict[str, str | int | float]:
    seconds = [found.facts["seconds"]["total"] for found, _ in pairs]
    told: dict[str, str | int | float] = {
        "slides searched": len(pairs),
        "marks": sum(len(found.marks) for found, _ in pairs),
        "regions": sum(int(found.facts["regions"]) for found, _ in pairs),
        "time per slide": f"{sum(seconds) / max(len(seconds), 1):.2f} s",
    }
    if len(pairs) == 1:
        told["slide score"] = round(next(iter(scores.values())), 4)
    for name, score in scored.items():
        if "cpm" in score.figures and score.counts["lesions"]:
            counts = f"{score.counts['slides']} slides, {score.counts['lesions']} lesions"
            told[f"lesion FROC, {name}"] = _figure(score, "cpm", counts)
    first = next((score for score in scored.values() if "slide AUC" in score.figures), None)
    if first is not None:
        told["slide AUC"] = _figure(first, "slide AUC", f"{first.counts['slides']} slides")
    return told


def _figure(score: Score, name: str, counts: str) -> str:
    """A figure with its interval and denominators."""
    figure = score.figures[name]
    known = figure.lower is not None and figure.upper is not None
    interval = f" (95 % interval {figure.lower:.3f} to {figure.upper:.3f})" if known else ""
    return f"{figure.value:.3f}{interval} on {counts}"


def _warnings(pairs: Pairs, known: Known, scored: Mapping[str, Score]) -> list[str]:
    of_slides = [f"{found.slide_id}: {sentence}" for found, _ in pairs for sentence in found.facts["warnings"]]
    of_scores = [sentence for score in scored.values() for sentence in score.warnings]
    if not scored and known.labels:
        of_scores = ["the slides whose truth is known are all of one kind, so there is nothing to score"]
    unknown = len(pairs) - len(known.labels)
    if known.labels and unknown:
        of_scores.append(f"{unknown} of {len(pairs)} slides have no known truth and are not scored")
    return [*known.warnings, *of_scores, *of_slides]
