"""A folder of scans -> its catalogue, and who learns, validates and tests."""

from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.read.catalogue import build_catalogue, read_catalogue, write_catalogue
from lesionkit.recipes.attempts import indexed
from lesionkit.recipes.base import Summary
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.splits import run_splits
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.split import Splits, split_by_patient

CATALOGUE = "catalogue.parquet"


def index(data: Path, out: Path, settings: CtSettings) -> Summary:
    """See `Recipe.index`."""
    table = build_catalogue(
        data,
        settings.read,
        each=_each(settings.engine),
        partial=settings.partial_truth,
        lesion_labels=settings.lesion_labels,
    )
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


def catalogue(run: RunFolder, data: Path, settings: CtSettings) -> pd.DataFrame:
    """The catalogue of a run, made if it is not there yet.

    Raises:
        LesionkitError: no scan of the data set can be used.
    """
    file = run.path / CATALOGUE
    indexed(run, data, file, "scan", partial(index, data, settings=settings))
    return read_catalogue(file)


def scan_splits(run: RunFolder, data: Path, table: pd.DataFrame, settings: CtSettings) -> Splits:
    """Who learns, validates and tests; see `run_splits`."""
    usable = table[table["failure"].isna()]
    everyone, patients = (dict(zip(rows["case_id"], rows["patient_id"], strict=True)) for rows in (table, usable))
    folds = dict(zip(usable["case_id"], usable["fold"], strict=True)) if usable["fold"].notna().all() else None
    return run_splits(run, data, patients, settings.split, split_by_patient, folds, everyone)


def _each(settings: EngineSettings) -> Callable[[Callable[[Path], Any], list[Path]], Iterable[Any]]:
    def each(function: Callable[[Path], Any], paths: list[Path]) -> Iterable[Any]:
        for outcome in map_cases(function, paths, settings, "indexing"):
            if outcome.error:
                raise LesionkitError(f"{outcome.item}: {outcome.error}")
            yield outcome.value

    return each
