"""What was found -> tables, score and page in the run folder."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from lesionkit.core.case import Case
from lesionkit.evaluate.document import to_document, to_tables
from lesionkit.evaluate.score import Score
from lesionkit.recipes.base import Summary
from lesionkit.recipes.ct.score import score_cases
from lesionkit.recipes.ct.search import Found
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.recipes.ct.store import lung_facts, open_native, prepared_case
from lesionkit.report.found import FoundCase
from lesionkit.report.page import write_find_report
from lesionkit.runs.run_folder import RunFolder
from lesionkit.write.candidates import write_candidates_csv, write_candidates_json
from lesionkit.write.score import write_score


def write_results(run: RunFolder, found: Sequence[Found], failed: Mapping[str, str], settings: CtNodule) -> Summary:
    """candidates.csv, candidates.json, score/ where the truth is known, and report.html."""
    by_case = {one.case_id: one.candidates for one in found}
    facts = _facts(run, settings)
    table = write_candidates_csv(run.path / "candidates.csv", by_case)
    write_candidates_json(run.path / "candidates.json", by_case, facts)
    pages = [_found_case(one, settings, alone=len(found) == 1) for one in found]
    score = _score(pages, settings)
    if score is not None:
        write_score(run.path / "score", to_document(score), to_tables(score))
    # Sentences of readers begin with the path of the scan, which is its name here.
    reasons = {name: reason.removeprefix(f"{name}: ") for name, reason in failed.items()}
    page = write_find_report(run.path, pages, {**facts, "failed": reasons, "run": str(run.record["started"])}, score)
    seconds = [one.facts["seconds"]["total"] for one in found if "seconds" in one.facts]
    told: dict[str, str | int | float] = {
        "scans searched": len(found),
        "candidates": sum(len(one.candidates) for one in found),
        "time per scan": f"{sum(seconds) / max(len(seconds), 1):.2f} s",
    }
    if score is not None:
        told["CPM"] = _headline(score)
    warnings = tuple(_warnings(found, score))
    for sentence in warnings:
        run.warn(sentence)
    return Summary(facts=told, paths=(page, table), failed=failed, warnings=warnings, cases=len(found) + len(failed))


def _headline(score: Score) -> str:
    """The CPM with its interval and denominators; drawing one scan again and again would give no interval."""
    cpm, scans = score.figures["cpm"], score.counts["scans"]
    known = scans > 1 and cpm.lower is not None and cpm.upper is not None
    interval = f" (95 % interval {cpm.lower:.3f} to {cpm.upper:.3f})" if known else ""
    return f"{cpm.value:.3f}{interval} on {scans} scan{'s' if scans > 1 else ''}, {score.counts['lesions']} nodules"


def _facts(run: RunFolder, settings: CtNodule) -> dict[str, Any]:
    """What made the result: the versions when the run began, not those that write its page again; settings; weights."""
    facts = {"versions": run.record["versions"], "settings": settings.model_dump(mode="json")}
    model = run.record["inputs"].get("model")
    return {**facts, "model": dict(model)} if isinstance(model, dict) else facts


def _found_case(one: Found, settings: CtNodule, alone: bool) -> FoundCase:
    """For one scan its own samples, for many the prepared ones, which are read from the store when needed."""
    prepared = one.prepared or prepared_case(one.path, settings)
    native = (one.native or open_native(one.path, settings)) if alone else prepared
    return FoundCase(
        case_id=one.case_id,
        image=native.image,
        candidates=one.candidates,
        lung=prepared.regions.get("lung"),
        truth=one.truth,
        excluded=one.excluded,
        facts={**one.facts, "lung": lung_facts(prepared)},
    )


def _score(pages: Sequence[FoundCase], settings: CtNodule) -> Score | None:
    cases = [Case(p.case_id, p.case_id, p.image, truth=p.truth, excluded=p.excluded) for p in pages]
    if not any(case.truth for case in cases):
        return None
    score = score_cases(cases, {p.case_id: p.candidates for p in pages}, settings.score)
    unknown = sum(case.truth is None for case in cases)
    left_out = (f"{unknown} of {len(cases)} scans have no known truth and are not scored",) if unknown else ()
    return replace(score, warnings=(*score.warnings, *left_out))


def _warnings(found: Sequence[Found], score: Score | None) -> list[str]:
    of_all = list(score.warnings) if score is not None else []
    if score is None and any(one.truth is not None for one in found):
        of_all = ["no searched scan has a known lesion, so there is nothing to score"]
    return [*of_all, *(f"{one.case_id}: {sentence}" for one in found for sentence in one.facts.get("warnings", ()))]
