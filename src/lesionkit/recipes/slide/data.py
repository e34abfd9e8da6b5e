"""A data set of slides -> its catalogue, its splits, its tissue and its patches."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.names import file_in
from lesionkit.engine.map import map_cases
from lesionkit.read.slide.set import SlideEntry, read_slide_set, slide_set_notes
from lesionkit.recipes.attempts import Counted, attempt, first_of, indexed
from lesionkit.recipes.base import Summary
from lesionkit.recipes.slide.case import PreparedSlide, open_case, prepare_slide, read_prepared
from lesionkit.recipes.slide.drawn import read_truth
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.splits import SplitSettings, run_splits
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.split import Splits, split_by_patient

CATALOGUE = "catalogue.parquet"
VALIDATION = "validation"
KEPT = "slides"


@dataclass(frozen=True)
class SlideSet:
    """A data set of slides that is ready to learn from.

    Attributes:
        slides: prepared slides by name, those whose tumour is known and that have tissue.
        splits: who learns, who validates, who tests; of all folds (`split.every_fold`), the folds.
        failed: why a slide is not among them.
        warnings: what is odd about slides, in sentences.
    """

    slides: Mapping[str, PreparedSlide]
    splits: Splits
    failed: Mapping[str, str]
    warnings: tuple[str, ...]
    count: int

    def leaving_out(self, fold: str) -> "SlideSet":
        """The same slides, of which a fold validates and the others learn."""
        rest, held = self.splits.leave_out(fold)
        return replace(self, splits=Splits({"train": tuple(sorted(rest)), "validation": held}))

    def part(self, name: str) -> dict[str, PreparedSlide]:
        """The usable slides of a part; empty where the splits have no such part."""
        return {i: self.slides[i] for i in self.splits.parts.get(name, ()) if i in self.slides}


def index(data: Path, out: Path, settings: SlideMetastasis) -> Summary:
    """See `Recipe.index`: one row per slide; headers and drawings are read, no pixels."""
    entries = read_slide_set(data)
    outcomes = map_cases(partial(_row, settings=settings), entries, settings.engine, "indexing")
    rows = [o.value or _failed_row(o.item, str(o.error)) for o in outcomes]
    table = pd.DataFrame(rows)
    with replacing(out) as temporary:
        table.to_parquet(temporary, index=False)
    bad = table[table["failure"].notna()]
    return Summary(
        facts={
            "slides": len(table),
            "patients": int(table["patient_id"].nunique()),
            "slides with tumour": sum(row["label"] is True for row in rows),
            "slides without": sum(row["label"] is False for row in rows),
            "slides with drawn tumour": int(table["annotation"].notna().sum()),
        },
        paths=(out,),
        failed=dict(zip(bad["case_id"], bad["failure"], strict=True)),
        warnings=(
            *slide_set_notes(data),
            *(f"{r['case_id']}: {w}" for r in table.to_dict("records") for w in r["warnings"]),
        ),
        cases=len(table),
    )


def prepared_slides(run: RunFolder, data: Path, settings: SlideMetastasis) -> SlideSet:
    """Index, find tissue and patches, and split; what is done already in this run is not done again.

    Raises:
        LesionkitError: no slide can be used, or none with tumour is among them.
    """
    entries = {entry.slide_id: entry for entry in read_slide_set(data)}
    indexed(run, data, run.path / CATALOGUE, "slide", partial(index, data, settings=settings))
    for sentence in slide_set_notes(data):
        run.warn(sentence)
    failed = dict(run.once("prepare", lambda: _prepare(run, list(entries.values()), settings))["failed"])
    slides, warnings = {}, []
    for name, entry in entries.items():
        if name in failed:
            continue
        slide = read_prepared(entry, run.path / KEPT / name)
        warnings += [f"{name}: {sentence}" for sentence in slide.facts["warnings"]]
        why = _unusable(slide)
        if why:
            warnings.append(f"{name}: {why}")
        else:
            slides[name] = slide
    if not slides:
        why = first_of(failed) if failed else f"the first: {warnings[0]}" if warnings else "nobody looked at them"
        raise LesionkitError(f"none of {len(entries)} slides of {data} can be learned from; {why}")
    if not any(slide.has_tumour for slide in slides.values()):
        raise LesionkitError(
            f"none of the {len(slides)} usable slides of {data} holds tumour, so there is nothing to learn; are masks/ "
            "or annotations/ beside the slides, and named like them?"
        )
    splits = _splits(run, data, slides, settings.split)
    return SlideSet(slides, splits, failed, tuple(dict.fromkeys(warnings)), len(entries))


def _row(entry: SlideEntry, settings: SlideMetastasis) -> dict[str, Any]:
    slide = open_case(entry.path, settings)
    truth = read_truth(entry, slide, settings.truth)
    label = entry.label if truth is None else truth.has_tumour
    rows, columns = slide.grid.shape
    return {
        **_ids(entry),
        "label": label,
        "annotation": str(entry.annotation) if entry.annotation else None,
        "mpp": slide.grid.spacing_mm[0] * 1000,
        "mpp_from": slide.mpp_from,
        "rows": rows,
        "columns": columns,
        "levels": len(slide.levels),
        "warnings": [*slide.warnings, *(truth.notes if truth is not None else ())],
        "failure": None,
    }


def _ids(entry: SlideEntry) -> dict[str, Any]:
    return {"case_id": entry.slide_id, "patient_id": entry.patient_id, "path": str(entry.path)}


def _failed_row(entry: SlideEntry, failure: str) -> dict[str, Any]:
    empty = dict.fromkeys(("mpp", "mpp_from", "rows", "columns", "levels"))
    annotation = str(entry.annotation) if entry.annotation else None
    return {
        **_ids(entry),
        "label": entry.label,
        "annotation": annotation,
        **empty,
        "warnings": [],
        "failure": failure,
    }


def _prepare(run: RunFolder, entries: Sequence[SlideEntry], settings: SlideMetastasis) -> Mapping[str, Any]:
    work = partial(_prepare_one, settings=settings, folder=run.path / KEPT)
    counted = Counted(run.path, "prepare", tell=run.warn)
    failed = attempt(work, entries, settings.engine, _id_of, "slide", "prepar", counted=counted)
    return {"slides": len(entries) - len(failed), "failed": failed}


def _id_of(entry: SlideEntry) -> str:
    return entry.slide_id


def _prepare_one(entry: SlideEntry, settings: SlideMetastasis, folder: Path) -> None:
    prepare_slide(entry, settings, file_in(folder, entry.slide_id))


def _unusable(slide: PreparedSlide) -> str | None:
    if not slide.facts["looked_at"]:
        known = "is labelled tumour, but none is drawn" if slide.entry.label else "has neither label nor drawing"
        return f"{known}; it takes no part in training"
    if slide.facts["tissue_failure"] or not len(slide.patches):
        return "has no patch of tissue; it takes no part in training"
    return None


def _splits(run: RunFolder, data: Path, slides: Mapping[str, PreparedSlide], settings: SplitSettings) -> Splits:
    patients = {name: slide.entry.patient_id for name, slide in slides.items()}
    ill = {patients[name] for name, slide in slides.items() if slide.has_tumour}
    everyone = {entry.slide_id: entry.patient_id for entry in read_slide_set(data)}
    splits = run_splits(run, data, patients, settings, partial(_deal, ill=ill), everyone=everyone)
    for fold in splits.rounds:
        if not any(slides[i].has_tumour for i in splits.leave_out(fold)[0] if i in slides):
            raise LesionkitError(
                "no slide of the training part holds tumour; give another split.seed, or a splits.json"
            )
    return splits


def _deal(patients: Mapping[str, str], shares: Mapping[str, float], seed: int, ill: Collection[str]) -> Splits:
    """Patients with tumour and patients without are dealt apart, so that each part gets its share of both."""
    groups = [
        {name: patient for name, patient in patients.items() if (patient in ill) is positive}
        for positive in (True, False)
    ]
    if any(len(set(group.values())) < len(shares) for group in groups):
        groups = [dict(patients)]
    dealt = [split_by_patient(group, shares, seed) for group in groups]
    return Splits({part: tuple(sorted(i for one in dealt for i in one[part])) for part in shares})
