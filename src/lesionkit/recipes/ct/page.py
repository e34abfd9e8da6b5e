"""What was found in scans -> tables and page in the run folder."""

from collections.abc import Mapping, Sequence
from typing import Any

from lesionkit.core.lesion import Candidate
from lesionkit.evaluate.place_errors import LesionError, error_columns, errors_told, lesion_errors
from lesionkit.recipes.ct.prepare import lung_facts, open_native, prepared_case
from lesionkit.recipes.ct.search import FoundScan
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.ct.truth import KnownScan
from lesionkit.recipes.kind import Pages, Shelf, View
from lesionkit.report.found import FoundCase
from lesionkit.report.headline import figure_text
from lesionkit.report.look import Look, scan_look
from lesionkit.report.page import write_find_report
from lesionkit.write.candidates import write_candidates_csv, write_candidates_json
from lesionkit.write.measurements import write_rows

ERRORS = "nodule_errors.csv"


def show(shelf: Shelf[FoundScan], settings: CtSettings) -> View:
    """candidates.csv, candidates.json, nodule_errors.csv where nodules are known, and report.html; see `Kind.show`."""
    found = shelf.found
    by_case = {one.item.case_id: one.candidates for one in found}
    decision = shelf.about.decision
    table = write_candidates_csv(shelf.folder / "candidates.csv", by_case, decision.above)
    write_candidates_json(shelf.folder / "candidates.json", by_case, _lasting(shelf.facts), decision.above)
    score = next(iter(shelf.scored.scores.values()), None)
    pages = [_found_case(one, shelf.scored.known, settings, alone=len(found) == 1) for one in found]
    errors = _errors(shelf, by_case)
    rows = [error_columns(row) for row in errors]
    facts = {**shelf.facts, **({"errors of place and diameter": errors_told(errors)} if errors else {})}
    page = write_find_report(shelf.folder, pages, facts, score, about=shelf.about, errors=rows)
    told: dict[str, str | int | float] = {"candidates": sum(len(one.candidates) for one in found)}
    if score is not None:
        counts = f"{score.counts['scans']} scan{'s' if score.counts['scans'] > 1 else ''}"
        told["CPM"] = figure_text(score, "cpm", f"{counts}, {score.counts['lesions']} nodules")
    return View((page, table, *([write_rows(shelf.folder / ERRORS, rows)] if rows else [])), told)


def _errors(shelf: Shelf[FoundScan], found: Mapping[str, Sequence[Candidate]]) -> list[LesionError]:
    """Of every known nodule, and nothing where there is none."""
    return lesion_errors({name: one.lesions or () for name, one in shelf.scored.known.items()}, found)


def look(shelf: Shelf[FoundScan], settings: CtSettings) -> Look:
    """One scan in a box; see `Pages.look`."""
    return scan_look(volume(shelf, settings), shelf.about.decision)


def volume(shelf: Shelf[FoundScan], settings: CtSettings) -> FoundCase:
    """One scan as it was prepared, with what was found; see `Pages.volume`."""
    return _found_case(shelf.found[0], shelf.scored.known, settings, alone=False)


def _lasting(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What made the result, without what is of this run alone."""
    return {name: value for name, value in facts.items() if name not in ("failed", "run")}


def _found_case(one: FoundScan, known: Mapping[str, KnownScan], settings: CtSettings, alone: bool) -> FoundCase:
    """For one scan its own samples, for many the prepared ones, which are read from the store when needed."""
    prepared = one.prepared or prepared_case(one.item.path, settings)
    native = (one.native or open_native(one.item.path, settings)) if alone else prepared
    truth = known.get(one.item.case_id)
    source = {"truth": truth.source} if truth is not None and truth.source else {}
    return FoundCase(
        case_id=one.item.case_id,
        image=native.image,
        candidates=one.candidates,
        lung=prepared.regions.get("lung"),
        lung_proper=prepared.regions.get("lung_proper"),
        truth=None if truth is None else truth.lesions,
        excluded=() if truth is None else truth.excluded,
        facts={**one.facts, "lung": lung_facts(prepared), **source},
    )


PAGES = Pages(show, look, volume)
