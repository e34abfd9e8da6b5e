"""Scans -> candidates, pictures and a page; and the whole flow from a data set to a scored report."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import map_cases
from lesionkit.nets.model_file import read_card
from lesionkit.read.catalogue import read_catalogue
from lesionkit.read.scan import find_scans
from lesionkit.recipes.base import FindRequest, Summary
from lesionkit.recipes.ct.page import write_results
from lesionkit.recipes.ct.prepare import CATALOGUE, first_of, prepared_set
from lesionkit.recipes.ct.search import Found, read_record, record_file, search_and_keep, search_scan, write_record
from lesionkit.recipes.ct.settings import CtNodule, model_path
from lesionkit.recipes.ct.tables import tables_beside
from lesionkit.recipes.ct.truth import Join, join_catalogue, join_tables, rows_by_path
from lesionkit.runs.models import MODEL_FILE
from lesionkit.runs.run_folder import RunFolder

RECORDS = "cases"


def find(run: RunFolder, request: FindRequest, settings: CtNodule) -> Summary:
    """See `Recipe.find`."""
    scans = find_scans(request.input)
    join = partial(join_tables, tables=tables_beside(request.input, request.truth))
    found, failed = _search(run, scans, settings, model_path(request.model), join)
    return write_results(run, _joined(found, join), failed, settings)


def report(run: RunFolder, settings: CtNodule) -> Summary:
    """See `Recipe.report`: from the records of the run; the scans are read again for the pictures."""
    stage = run.record["stages"].get("find", {})
    records = sorted((run.path / RECORDS).glob("*.json"))
    if not records or stage.get("state") != "done":
        raise LesionkitError(
            f"{run.path} holds no finished search; repeat the command that began it, and it goes on where it stopped"
        )
    join, failed = _join_of(run), dict(stage["facts"]["failed"])
    if (run.path / CATALOGUE).is_file():
        table = read_catalogue(run.path / CATALOGUE)
        bad = table[table["failure"].notna()]
        failed = {**dict(zip(bad["case_id"], bad["failure"], strict=True)), **failed}
    return write_results(run, _joined([read_record(record) for record in records], join), failed, settings)


def run(run: RunFolder, data: Path, settings: CtNodule) -> Summary:
    """See `Recipe.run`: index, prepare, train, find on the test split, score, report."""
    from lesionkit.recipes.ct.train import train

    test = prepared_set(run, data, settings).part("test")
    if not test:
        raise LesionkitError(f"the test split of {data} is empty; give splits.json, or more patients")
    trained = train(run, data, settings, None)
    scans, join = [Path(case.facts["path"]) for case in test], _join_of(run)
    found, failed = _search(run, scans, settings, run.path / MODEL_FILE, join)
    summary = write_results(run, _joined(found, join), {**trained.failed, **failed}, settings)
    return Summary(
        facts={**trained.facts, **summary.facts},
        paths=(*summary.paths, *trained.paths),
        failed=summary.failed,
        warnings=tuple(dict.fromkeys((*trained.warnings, *summary.warnings))),
        cases=trained.cases,
    )


def _join_of(run: RunFolder) -> Join:
    """Where a run's truth comes from: its catalogue, or the tables beside what it searched."""
    catalogue = run.path / CATALOGUE
    if catalogue.is_file():
        return partial(join_catalogue, rows=rows_by_path(read_catalogue(catalogue)))
    inputs = run.record["inputs"]
    truth = Path(inputs["truth"]["path"]) if "truth" in inputs else None
    return partial(join_tables, tables=tables_beside(Path(inputs["input"]["path"]), truth))


def _search(
    run: RunFolder, scans: Sequence[Path], settings: CtNodule, model: Path, join: Join
) -> tuple[list[Found], dict[str, str]]:
    """What was found in each scan, and which scans failed why; one scan keeps its images."""
    read_card(model)
    records = run.path / RECORDS
    if len(scans) == 1:
        found: list[Found] = []

        def alone() -> Mapping[str, Any]:
            found.append(search_scan(scans[0], settings, model, join))
            write_record(record_file(records, scans[0]), found[0])
            return {"scans": 1, "failed": {}}

        run.once("find", alone)
        return found or [read_record(record_file(records, scans[0]))], {}

    def many() -> Mapping[str, Any]:
        work = partial(search_and_keep, settings=settings, model=model, check=join, records=records)
        outcomes = list(map_cases(work, scans, settings.engine, "searching"))
        failed = {str(o.item): o.error for o in outcomes if o.error}
        if len(failed) == len(scans):
            raise LesionkitError(f"none of {len(failed)} scans can be searched; {first_of(failed)}")
        return {"scans": len(scans), "failed": failed}

    failed = dict(run.once("find", many)["failed"])
    return [read_record(record_file(records, scan)) for scan in scans if str(scan) not in failed], failed


def _joined(found: Sequence[Found], join: Join) -> list[Found]:
    """With what is known of each; scans of one name (`p1/ct.nii.gz`, `p2/ct.nii.gz`) are called after their folders."""
    known = [join(one) for one in found]
    names = Counter(one.case_id for one in known)
    apart = [_called_by_folder(one) if names[one.case_id] > 1 else one for one in known]
    if len({one.case_id for one in apart}) < len(apart):
        twice = next(name for name, count in Counter(one.case_id for one in apart).items() if count > 1)
        paths = " and ".join(str(one.path) for one in apart if one.case_id == twice)
        raise LesionkitError(f"two scans are called '{twice}': {paths}; search them one by one, or rename one")
    return apart


def _called_by_folder(one: Found) -> Found:
    case_id = f"{one.path.parent.name}-{one.path.name if one.path.is_dir() else one.case_id}"
    return replace(one, case_id=case_id, patient_id=case_id if one.patient_id == one.case_id else one.patient_id)
