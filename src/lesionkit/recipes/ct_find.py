"""Scans -> candidates, pictures and a page; and the whole flow from a data set to a scored report."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Lesion
from lesionkit.engine.map import map_cases
from lesionkit.nets.weights import load_model
from lesionkit.read.scan import find_scans
from lesionkit.read.truth.luna import lesions_by_case, read_annotations, read_series_list
from lesionkit.recipes.base import FindRequest, Summary
from lesionkit.recipes.ct_page import Truth, write_results
from lesionkit.recipes.ct_prepare import prepared_set
from lesionkit.recipes.ct_search import Found, read_record, record_file, search_and_keep, search_scan, write_record
from lesionkit.recipes.ct_settings import MODEL_FILE, CtNodule, model_path
from lesionkit.recipes.ct_train import train
from lesionkit.recipes.run_folder import RunFolder

RECORDS = "cases"


def find(run: RunFolder, request: FindRequest, settings: CtNodule) -> Summary:
    """See `Recipe.find`."""
    scans = find_scans(request.input)
    truth = truth_for(request)
    found, failed = _search(run, scans, settings, model_path(request.model))
    return _conclude(run, found, failed, settings, truth)


def report(run: RunFolder, settings: CtNodule) -> Summary:
    """See `Recipe.report`: from the records of the run; the scans are read again for the pictures."""
    records = sorted((run.path / RECORDS).glob("*.json"))
    if not records:
        raise LesionkitError(f"{run.path} holds no finished search; run 'lesionkit find' or 'lesionkit run' first")
    found = [read_record(record) for record in records]
    inputs = run.record["inputs"]
    place = inputs.get("input") or inputs.get("data")
    truth_file = inputs.get("truth")
    request = FindRequest(Path(place["path"]), truth=Path(truth_file["path"]) if truth_file else None)
    return write_results(run, found, {}, settings, truth_for(request))


def run(run: RunFolder, data: Path, settings: CtNodule) -> Summary:
    """See `Recipe.run`: index, prepare, train, find on the test split, score, report."""
    trained = train(run, data, settings, None)
    test = prepared_set(run, data, settings).part("test")
    if not test:
        raise LesionkitError(f"the test split of {data} is empty; give splits.json, or more patients")
    scans = [Path(case.facts["path"]) for case in test]
    found, failed = _search(run, scans, settings, run.path / MODEL_FILE)
    truth = Truth(
        {c.case_id: c.truth or () for c in test if c.truth is not None}, {c.case_id: c.excluded for c in test}
    )
    summary = _conclude(run, found, {**trained.failed, **failed}, settings, truth)
    return Summary(
        facts={**trained.facts, **summary.facts},
        paths=(*summary.paths, *trained.paths),
        failed=summary.failed,
        warnings=summary.warnings,
        cases=trained.cases,
    )


def truth_for(request: FindRequest) -> Truth | None:
    """The truth tables given, or those beside the scans; None where there are none."""
    folders = (request.input, request.input.parent)
    beside = [folder / "annotations.csv" for folder in folders if (folder / "annotations.csv").is_file()]
    file = request.truth or (beside[0] if beside else None)
    if file is None:
        return None
    excluded, listed = file.with_name("annotations_excluded.csv"), file.with_name("seriesuids.csv")
    lesions: dict[str, tuple[Lesion, ...]] = lesions_by_case(read_annotations(file))
    looked_at = read_series_list(listed) if listed.is_file() else list(lesions)
    return Truth(
        {case_id: lesions.get(case_id, ()) for case_id in looked_at},
        lesions_by_case(read_annotations(excluded)) if excluded.is_file() else {},
    )


def _search(
    run: RunFolder, scans: Sequence[Path], settings: CtNodule, model: Path
) -> tuple[list[Found], dict[str, str]]:
    """What was found in each scan, and which scans failed why; one scan keeps its images."""
    load_model(model)
    records = run.path / RECORDS
    if len(scans) == 1:
        found: list[Found] = []

        def alone() -> Mapping[str, Any]:
            found.append(search_scan(scans[0], settings, model))
            write_record(record_file(records, scans[0]), found[0])
            return {"scans": 1, "failed": {}}

        run.once("find", alone)
        return found or [read_record(record_file(records, scans[0]))], {}

    def many() -> Mapping[str, Any]:
        work = partial(search_and_keep, settings=settings, model=model, records=records)
        outcomes = list(map_cases(work, scans, settings.engine, "searching"))
        return {"scans": len(scans), "failed": {str(o.item): o.error for o in outcomes if o.error}}

    failed = dict(run.once("find", many)["failed"])
    return [read_record(record_file(records, scan)) for scan in scans if str(scan) not in failed], failed


def _conclude(
    run: RunFolder, found: Sequence[Found], failed: Mapping[str, str], settings: CtNodule, truth: Truth | None
) -> Summary:
    if not found:
        first = next(iter(failed.items()))
        raise LesionkitError(f"none of {len(failed)} scans could be searched; the first, {first[0]}: {first[1]}")
    return write_results(run, found, failed, settings, truth)
