"""A data set of slides -> its catalogue, its splits, its tissue and its patches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.engine.map import map_cases
from lesionkit.read.slide.set import SlideEntry, read_slide_set
from lesionkit.recipes.base import Summary
from lesionkit.recipes.slide.case import PreparedSlide, open_case, prepare_slide, read_prepared
from lesionkit.recipes.slide.settings import SlideMetastasis, SlideSplitSettings
from lesionkit.recipes.slide.truth import read_truth
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.split import Splits, fold_by_patient, read_splits, split_by_patient, write_splits

CATALOGUE = "catalogue.parquet"
SPLITS = "splits.json"
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
        return replace(self, splits=_left_out(self.splits, fold))

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
        warnings=tuple(f"{r['case_id']}: {w}" for r in table.to_dict("records") for w in r["warnings"]),
        cases=len(table),
    )


def prepared_slides(run: RunFolder, data: Path, settings: SlideMetastasis) -> SlideSet:
    """Index, find tissue and patches, and split; what is done already in this run is not done again.

    Raises:
        LesionkitError: no slide can be used, or none with tumour is among them.
    """
    entries = {entry.slide_id: entry for entry in read_slide_set(data)}
    run.once("index", lambda: _index(run, data, settings))
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
        raise LesionkitError(
            f"none of {len(entries)} slides of {data} can be learned from; {first_of(failed, warnings)}"
        )
    if not any(slide.has_tumour for slide in slides.values()):
        raise LesionkitError(
            f"none of the {len(slides)} usable slides of {data} holds tumour, so there is nothing to learn; are masks/ "
            "or annotations/ beside the slides, and named like them?"
        )
    splits = _splits(run, data, slides, settings.split)
    return SlideSet(slides, splits, failed, tuple(dict.fromkeys(warnings)), len(entries))


def first_of(failed: Mapping[str, str], warnings: Sequence[str] = ()) -> str:
    """The end of a sentence on failed slides: the first of them and why."""
    if failed:
        name, reason = next(iter(failed.items()))
        return f"the first: {reason}" if name in reason else f"the first, {name}: {reason}"
    return f"the first: {warnings[0]}" if warnings else "nobody looked at them"


def _index(run: RunFolder, data: Path, settings: SlideMetastasis) -> Mapping[str, Any]:
    file = run.path / CATALOGUE
    summary = index(data, file, settings)
    if len(summary.failed) == summary.cases:
        file.unlink()
        raise LesionkitError(f"none of {summary.cases} slides of {data} can be used; {first_of(summary.failed)}")
    return summary.facts


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
    outcomes = list(map_cases(work, entries, settings.engine, "finding tissue"))
    failed = {o.item.slide_id: o.error for o in outcomes if o.error}
    if len(failed) == len(entries):
        raise LesionkitError(f"none of {len(entries)} slides can be prepared; {first_of(failed)}")
    return {"slides": len(entries) - len(failed), "failed": failed}


def _prepare_one(entry: SlideEntry, settings: SlideMetastasis, folder: Path) -> None:
    prepare_slide(entry, settings, folder / entry.slide_id)


def _unusable(slide: PreparedSlide) -> str | None:
    if not slide.facts["looked_at"]:
        known = "is labelled tumour, but none is drawn" if slide.entry.label else "has neither label nor drawing"
        return f"{known}; it takes no part in training"
    if slide.facts["tissue_failure"] or not len(slide.patches):
        return "has no patch of tissue; it takes no part in training"
    return None


def _splits(run: RunFolder, data: Path, slides: Mapping[str, PreparedSlide], settings: SlideSplitSettings) -> Splits:
    """The run's own splits.json if it has one, the data set's, or patients dealt with and without tumour alike.

    A slide that failed when the run began and can be read now is left out: parts must not change after a training.
    """
    patients = {name: slide.entry.patient_id for name, slide in slides.items()}
    if (run.path / SPLITS).is_file():
        kept = read_splits(run.path / SPLITS, {entry.slide_id: entry.patient_id for entry in read_slide_set(data)})
        late = sorted(set(slides) - {name for part in kept.parts.values() for name in part})
        if late:
            run.warn(f"{len(late)} slides could not be used when the run began and are left out, the first {late[0]}")
        return kept
    if (data / SPLITS).is_file():
        everyone = {entry.slide_id: entry.patient_id for entry in read_slide_set(data)}
        splits = _named(read_splits(data / SPLITS, everyone), settings)
    elif len(set(patients.values())) < len(settings.names) and not settings.every_fold:
        run.warn(
            f"{data} has {len(set(patients.values()))} usable patients: all learn, none validates; more patients, or "
            "a splits.json, would tell how good the model is and fit its scores"
        )
        splits = Splits({"train": tuple(patients)})
    else:
        splits = _dealt(patients, {name: slide.has_tumour for name, slide in slides.items()}, settings)
    rounds = [_left_out(splits, name) for name in splits.parts] if settings.every_fold else [splits]
    for one in rounds:
        if not any(slides[i].has_tumour for i in one.parts.get("train", ()) if i in slides):
            raise LesionkitError(
                "no slide of the training part holds tumour; give another split.seed, or a splits.json"
            )
    write_splits(run.path / SPLITS, splits)
    return splits


def _dealt(patients: Mapping[str, str], has_tumour: Mapping[str, bool], settings: SlideSplitSettings) -> Splits:
    """Patients with tumour and patients without are dealt apart, so that each part gets its share of both."""
    ill = {patients[name] for name, positive in has_tumour.items() if positive}
    groups = [
        {name: patient for name, patient in patients.items() if (patient in ill) is positive}
        for positive in (True, False)
    ]
    if any(len(set(group.values())) < (settings.folds or len(settings.names)) for group in groups):
        groups = [dict(patients)]
    dealt = [_deal(group, settings) for group in groups]
    joined = Splits({part: tuple(sorted(i for one in dealt for i in one[part])) for part in dealt[0].parts})
    return _named(joined, settings)


def _deal(patients: Mapping[str, str], settings: SlideSplitSettings) -> Splits:
    if settings.folds is not None:
        return fold_by_patient(patients, settings.folds, settings.seed)
    return split_by_patient(patients, dict(zip(settings.names, settings.shares, strict=True)), settings.seed)


def _named(splits: Splits, settings: SlideSplitSettings) -> Splits:
    """Folds as train and validation, or as they are where each has its turn; parts that are named so already stay."""
    names = sorted(splits.parts)
    if settings.every_fold:
        if "train" in names or len(names) != settings.folds:
            raise LesionkitError(
                f"split.every_fold needs the {settings.folds} folds of split.folds in splits.json, got the parts "
                f"{', '.join(names)}"
            )
        return Splits({name: splits[name] for name in names})
    if "train" in names:
        return splits
    if settings.fold >= len(names):
        raise LesionkitError(f"split.fold must be one of 0 to {len(names) - 1}, got {settings.fold}")
    return _left_out(splits, names[settings.fold])


def _left_out(splits: Splits, fold: str) -> Splits:
    rest, held = splits.leave_out(fold)
    return Splits({"train": tuple(sorted(rest)), "validation": held})
