"""The patches and the tissue of a data set of slides -> tables and a page; the verb prepare."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from lesionkit.core.files import replacing, write_text
from lesionkit.recipes.base import Summary
from lesionkit.recipes.slide.case import PreparedSlide
from lesionkit.recipes.slide.data import CATALOGUE, SlideSet, prepared_slides
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.splits import SPLITS
from lesionkit.report.patch_page import write_patch_page
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.slide_grid import slide_statistics

PATCHES, STATISTICS, TISSUE, PAGE = "patches.parquet", "statistics.csv", "tissue.csv", "statistics.html"
_AREAS = ("tissue", "glass", "pen", "blurred", "unscanned")


def prepare(run: RunFolder, data: Path, settings: SlideMetastasis, preview: bool) -> Summary:
    """See `Recipe.prepare`; the page of statistics is always written, so `preview` changes nothing."""
    del preview
    held = prepared_slides(run, data, settings)
    facts = run.once("statistics", lambda: write_statistics(run, held, settings))
    return Summary(
        facts={**facts, **{f"{name} slides": len(names) for name, names in held.splits.parts.items()}},
        paths=tuple(run.path / name for name in (PAGE, PATCHES, STATISTICS, TISSUE, CATALOGUE, SPLITS)),
        failed=held.failed,
        warnings=tuple(dict.fromkeys((*run.warnings, *held.warnings))),
        cases=held.count,
    )


def write_statistics(run: RunFolder, held: SlideSet, settings: SlideMetastasis) -> Mapping[str, Any]:
    """The catalogue of patches, the tables of statistics and tissue, and their page (system 4, row 4.1)."""
    parts = {name: part for part, names in held.splits.parts.items() for name in names}
    tables = {name: slide.patches for name, slide in held.slides.items()}
    grid = {name: table[table["side"] == settings.patches.patch] for name, table in tables.items()}
    with replacing(run.path / PATCHES) as temporary:
        pd.concat([table.assign(slide=name) for name, table in tables.items()]).to_parquet(temporary, index=False)
    # Smaller patches for slides with little tumour lie on others, so that they are counted apart.
    frame = slide_statistics(grid, settings.few.below)
    smaller = [int((tables[name]["side"] != settings.patches.patch).sum()) for name in tables]
    frame["smaller"] = [*smaller, sum(smaller)]
    frame.insert(1, "part", [*(parts.get(name, "") for name in tables), ""])
    with replacing(run.path / STATISTICS) as temporary:
        frame.to_csv(temporary, index=False)
    _write_tissue(run.path / TISSUE, held.slides)
    *rows, total = _plain_rows(frame)
    joined = [{**row, **_areas(held.slides[str(row["slide"])])} for row in rows]
    write_patch_page(run.path / PAGE, joined, total, "Slides and their patches", _note(settings))
    return {
        "slides": len(rows),
        "patches of tissue": int(total["patches"]),
        "tumour patches": int(total["tumour"]),
        "normal to tumour": "–" if total["ratio"] is None else f"{total['ratio']:.1f} : 1",
        "slides with little tumour": sum(bool(row["few_tumour"]) for row in rows),
        "smaller patches added": int(total["smaller"]),
    }


def _plain_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(name): None if isinstance(value, float) and pd.isna(value) else value for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def _areas(slide: PreparedSlide) -> dict[str, float]:
    areas = slide.facts["areas_mm2"]
    return {f"{name} mm²": round(float(areas[name]), 2) for name in _AREAS}


def _write_tissue(path: Path, slides: Mapping[str, PreparedSlide]) -> None:
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(["slide", *(f"{name}_mm2" for name in _AREAS), "tissue_seconds", "warnings"])
    for name, slide in slides.items():
        areas = [slide.facts["areas_mm2"][area] for area in _AREAS]
        table.writerow([name, *areas, slide.facts["tissue_seconds"], " | ".join(slide.facts["warnings"])])
    write_text(path, text.getvalue())


def _note(settings: SlideMetastasis) -> str:
    side = settings.patches.patch
    return (
        f"Patches of {side} x {side} samples at {settings.um:g} µm with at least "
        f"{100 * settings.patches.min_tissue:g} % tissue. Tumour: all of the patch is; boundary: part of it, not drawn "
        f"for training; slides with fewer than {settings.few.below} tumour patches get smaller ones too."
    )
