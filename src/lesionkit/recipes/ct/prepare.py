"""Scans -> upright lungs in the store, read lazily, and a data set of them that is ready to learn from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lesionkit.core.cache_root import cache_root
from lesionkit.core.case import Case
from lesionkit.core.lesion import Lesion
from lesionkit.prepare.case import prepare_ct
from lesionkit.prepare.store import Store
from lesionkit.read.catalogue import update_catalogue, write_catalogue
from lesionkit.read.scan import files_of_scan, open_scan
from lesionkit.read.truth.join import lesions_from_json
from lesionkit.recipes.attempts import Counted, attempt
from lesionkit.recipes.base import Item, Summary
from lesionkit.recipes.ct.data import CATALOGUE, catalogue, scan_splits
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.ct.truth import item_of_row
from lesionkit.recipes.splits import SPLITS
from lesionkit.report.gallery import LungView
from lesionkit.report.lung_page import write_gallery
from lesionkit.runs.fingerprint import fingerprint
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.split import Splits

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

    def round(self, fold: str) -> tuple[list[Case], list[Case]]:
        """The usable cases that learn and that validate when a fold is left out; "" where there is one split."""
        learn, held = ([self.cases[i] for i in ids if i in self.cases] for ids in self.splits.leave_out(fold))
        return learn, held


def prepare(run: RunFolder, data: Path, settings: CtSettings, preview: bool) -> Summary:
    """See `Recipe.prepare`."""
    prepared = prepared_set(run, data, settings)
    paths = [run.path / CATALOGUE, run.path / SPLITS]
    if preview:
        paths.insert(0, write_preview(run, prepared, f"Lungs of {data.name}"))
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


def write_preview(run: RunFolder, prepared: PreparedSet, title: str) -> Path:
    """Write the page that shows which lungs were found in each scan."""
    return write_gallery(run.path / PREVIEW, (_view(case) for case in prepared.cases.values()), title=title)


def prepared_set(run: RunFolder, data: Path, settings: CtSettings) -> PreparedSet:
    """Index, split and prepare what is not done yet in this run; what the store has is not prepared again.

    Raises:
        LesionkitError: no scan of the data set can be used.
    """
    table = catalogue(run, data, settings)
    usable = table[table["failure"].isna()]
    splits = scan_splits(run, data, table, settings)
    rows: list[dict[str, Any]] = [
        dict(zip(map(str, row), row.values(), strict=True)) for row in usable.to_dict("records")
    ]
    paths = [Path(row["path"]) for row in rows]
    work = partial(_store, settings=settings)

    counted = Counted(run.path, "prepare", tell=run.warn)

    def store_all() -> Mapping[str, Any]:
        return {"failed": attempt(work, paths, settings.engine, str, "scan", "prepar", data, counted)}

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


def _store(path: Path, settings: CtSettings) -> None:
    prepared_case(path, settings)


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


def open_native(path: Path, settings: CtSettings) -> Case:
    """A scan as it is on disk, with its shape among the facts so that it is still known after preparation."""
    case = open_scan(path, settings.read)
    return replace(case, facts={**case.facts, "path": str(path), "native_shape": list(case.image.grid.shape)})


def prepared_case(path: Path, settings: CtSettings) -> Case:
    """The prepared case of a scan: read from the store, or prepared and stored. Its images are read lazily.

    Raises:
        LesionkitError: the scan cannot be used.
    """
    store, key = Store(cache_root()), store_key(path, settings)
    return store.get(key) or store.put(key, prepare_ct(open_native(path, settings), settings.prepare))


def keep_prepared(path: Path, case: Case, settings: CtSettings) -> None:
    """Store a case that was prepared from `path` with these settings."""
    Store(cache_root()).put(store_key(path, settings), case)


def store_key(path: Path, settings: CtSettings) -> str:
    """Name in the store: what the files hold, how they are read, how they are prepared."""
    # The samples of an .mhd lie in a file beside it.
    beside = [path.with_suffix(end) for end in (".raw", ".zraw") if path.suffix.lower() == ".mhd"]
    files = [*files_of_scan(path), *beside]
    content = [str(fingerprint(file)["sha256"]) for file in files if file.exists()]
    return Store.key(" ".join([*content, settings.read.model_dump_json()]), settings.prepare)


def lung_facts(case: Case) -> dict[str, Any]:
    """The numbers of a prepared case's lungs under the names the report knows."""
    names = ("volume_l", "left_right_ratio", "cover_ratio", "preset", "failure")
    facts = {name: case.facts.get(f"lung_{name}") for name in names}
    return {k: None if isinstance(v, float) and math.isnan(v) else v for k, v in facts.items()}
