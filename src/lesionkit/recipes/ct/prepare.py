"""A data set -> its catalogue, its splits and its prepared cases."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Lesion
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.read.catalogue import build_catalogue, read_catalogue, update_catalogue, write_catalogue
from lesionkit.read.truth.join import lesions_from_json
from lesionkit.recipes.attempts import attempt, indexed
from lesionkit.recipes.base import Item, Summary
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.recipes.ct.store import lung_facts, prepared_case
from lesionkit.recipes.ct.truth import item_of_row
from lesionkit.recipes.splits import SPLITS, SplitSettings, run_splits
from lesionkit.report.gallery import LungView
from lesionkit.report.lung_page import write_gallery
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.split import Splits, split_by_patient

CATALOGUE = "catalogue.parquet"
PREVIEW = "lungs.html"


@dataclass(frozen=True)
class PreparedSet:
    """A data set that is ready to learn from.

    Attributes:
        cases: prepared cases with truth by case id; images are read lazily from the store.
        items: the same as they are on disk.
        splits: who learns, who validates, who tests.
        failed: why a case is not among them, by case id.
    """

    cases: Mapping[str, Case]
    items: Mapping[str, Item]
    splits: Splits
    failed: Mapping[str, str]

    @property
    def count(self) -> int:
        """How many cases there were."""
        return len(self.cases) + len(self.failed)

    def part(self, name: str) -> list[Case]:
        """The usable cases of a part of the splits; empty where the splits have no such part."""
        return [self.cases[case_id] for case_id in self.splits.parts.get(name, ()) if case_id in self.cases]


def index(data: Path, out: Path, settings: CtNodule) -> Summary:
    """See `Recipe.index`."""
    table = build_catalogue(data, settings.read, each=_each(settings.engine), partial=settings.partial_truth)
    write_catalogue(table, out)
    bad = table[table["failure"].notna()]
    return Summary(
        facts={
            "cases": len(table),
            "patients": int(table["patient_id"].nunique()),
            "cases with known truth": int(table["looked_at"].sum()),
            "lesions": int(table["lesion_count"].sum()),
            "duplicates left out": int(table["duplicates"].map(len).sum()),
        },
        paths=(out,),
        failed=dict(zip(bad["case_id"], bad["failure"], strict=True)),
        warnings=tuple(f"{r['case_id']}: {w}" for r in table.to_dict("records") for w in r["warnings"]),
        cases=len(table),
    )


def prepare(run: RunFolder, data: Path, settings: CtNodule, preview: bool) -> Summary:
    """See `Recipe.prepare`."""
    prepared = prepared_set(run, data, settings)
    paths = [run.path / CATALOGUE, run.path / SPLITS]
    if preview:
        views = (_view(case) for case in prepared.cases.values())
        paths.insert(0, write_gallery(run.path / PREVIEW, views, title=f"Lungs of {data.name}"))
    odd = {i: str(case.facts["lung_failure"]) for i, case in prepared.cases.items() if case.facts.get("lung_failure")}
    return Summary(
        facts={
            "prepared": len(prepared.cases),
            "lungs not found": len(odd),
            **{f"{name} cases": len(cases) for name, cases in prepared.splits.parts.items()},
        },
        paths=tuple(paths),
        failed=prepared.failed,
        warnings=(*run.warnings, *(f"{case_id}: {reason}" for case_id, reason in odd.items())),
        cases=prepared.count,
    )


def prepared_set(run: RunFolder, data: Path, settings: CtNodule) -> PreparedSet:
    """Index, split and prepare what is not done yet in this run; what the store has is not prepared again.

    Raises:
        LesionkitError: no scan of the data set can be used.
    """
    table = _catalogue(run, data, settings)
    usable = table[table["failure"].isna()]
    splits = _splits(run, data, table, settings.split)
    rows: list[dict[str, Any]] = [
        dict(zip(map(str, row), row.values(), strict=True)) for row in usable.to_dict("records")
    ]
    paths = [Path(row["path"]) for row in rows]
    work = partial(_store, settings=settings)

    def store_all() -> Mapping[str, Any]:
        return {"failed": attempt(work, paths, settings.engine, str, "scan", "prepar", data)}

    failed = dict(run.once("prepare", store_all)["failed"])
    cases = {
        row["case_id"]: with_truth(prepared_case(path, settings), row)
        for row, path in zip(rows, paths, strict=True)
        if str(path) not in failed
    }
    _note_lungs(run, table, cases)
    reasons = {row["case_id"]: failed[row["path"]] for row in rows if row["path"] in failed}
    unreadable = table[table["failure"].notna()]
    items = {row["case_id"]: item_of_row(row) for row in rows if row["case_id"] in cases}
    return PreparedSet(
        cases, items, splits, {**dict(zip(unreadable["case_id"], unreadable["failure"], strict=True)), **reasons}
    )


def with_truth(case: Case, row: Mapping[str, Any]) -> Case:
    """A prepared case with the ids and the truth of its catalogue row."""
    truth: tuple[Lesion, ...] | None = lesions_from_json(row["lesions"]) if row["looked_at"] else None
    return replace(
        case,
        case_id=str(row["case_id"]),
        patient_id=str(row["patient_id"]),
        truth=truth,
        excluded=lesions_from_json(row["excluded"]),
        facts={**case.facts, "path": str(row["path"])},
    )


def _store(path: Path, settings: CtNodule) -> None:
    prepared_case(path, settings)


def _catalogue(run: RunFolder, data: Path, settings: CtNodule) -> pd.DataFrame:
    file = run.path / CATALOGUE
    indexed(run, data, file, "scan", partial(index, data, settings=settings))
    return read_catalogue(file)


def _splits(run: RunFolder, data: Path, table: pd.DataFrame, settings: SplitSettings) -> Splits:
    usable = table[table["failure"].isna()]
    everyone, patients = (dict(zip(rows["case_id"], rows["patient_id"], strict=True)) for rows in (table, usable))
    folds = dict(zip(usable["case_id"], usable["fold"], strict=True)) if usable["fold"].notna().all() else None
    return run_splits(run, data, patients, settings, split_by_patient, folds, everyone)


def _note_lungs(run: RunFolder, table: pd.DataFrame, cases: Mapping[str, Case]) -> None:
    """Fill in the columns of the catalogue that only preparation knows."""
    for case_id, case in cases.items():
        ratio, seconds = case.facts.get("lung_cover_ratio"), case.facts.get("prepare_seconds")
        table = update_catalogue(table, case_id, lung_cover_ratio=ratio, processing_seconds=seconds)
    write_catalogue(table, run.path / CATALOGUE)


def _view(case: Case) -> LungView:
    facts = lung_facts(case)
    facts.pop("preset")
    return LungView(case_id=case.case_id, image=case.image, lung=case.regions.get("lung"), **facts)


def _each(settings: EngineSettings) -> Callable[[Callable[[Path], Any], list[Path]], Iterable[Any]]:
    def each(function: Callable[[Path], Any], paths: list[Path]) -> Iterable[Any]:
        for outcome in map_cases(function, paths, settings, "indexing"):
            if outcome.error:
                raise LesionkitError(f"{outcome.item}: {outcome.error}")
            yield outcome.value

    return each
