"""A folder of radiographs -> a table of its images, and who of them learns, validates and tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.read.chest_rows import ImageRow, read_rows, row_of, unlabelled_row, write_rows
from lesionkit.read.chest_set import chest_set_notes, read_chest_set
from lesionkit.read.picture import find_pictures
from lesionkit.read.truth.chest_labels import read_chest_labels
from lesionkit.read.unmatched import unmatched
from lesionkit.recipes.attempts import first_of
from lesionkit.recipes.base import Summary
from lesionkit.recipes.splits import SplitSettings, run_splits
from lesionkit.recipes.xray.copies import patients_joined, unlabelled_apart
from lesionkit.recipes.xray.settings import UnlabelledSettings, XrayPneumothorax
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.folds import FoldCase, stratified_split
from lesionkit.sample.split import Splits

CATALOGUE = "catalogue.parquet"
_FEW = 1000
"""Fewer headers are read before other processes have loaded what they need."""


@dataclass(frozen=True)
class ImageSet:
    """The images of a run.

    Attributes:
        images: usable ones with known truth by case id.
        splits: train and validation or the folds, and "test" where images are kept for it.
        unlabelled: usable ones without masks.
        failed: why an image is not among them, by case id.
    """

    images: Mapping[str, ImageRow]
    splits: Splits
    unlabelled: tuple[ImageRow, ...]
    failed: Mapping[str, str]

    @property
    def count(self) -> int:
        return len(self.images) + len(self.unlabelled) + len(self.failed)

    def part(self, name: str) -> tuple[ImageRow, ...]:
        """The usable images of one part; empty where there is no such part."""
        return tuple(self.images[i] for i in self.splits.parts.get(name, ()) if i in self.images)

    def round(self, fold: str) -> tuple[tuple[ImageRow, ...], tuple[ImageRow, ...]]:
        """What learns and what validates when `fold` is left out; "" where there is one split."""
        learn, held = (tuple(self.images[i] for i in ids if i in self.images) for ids in self.splits.leave_out(fold))
        return learn, held

    @property
    def seen(self) -> tuple[ImageRow, ...]:
        """What learns or validates in any round."""
        return tuple(row for name in self.splits.parts if name != "test" for row in self.part(name))


def index(data: Path, out: Path, settings: XrayPneumothorax) -> Summary:
    """See `Recipe.index`."""
    rows, twice = patients_joined(index_rows(data, settings.engine))
    write_rows(rows, out)
    usable = [row for row in rows if not row.failure]
    return Summary(
        facts={
            "images": len(rows),
            "patients": len({row.patient_id for row in usable}),
            "images with known truth": sum(row.looked_at for row in usable),
            "with pneumothorax": sum(row.positive for row in usable),
            "with lung mask": sum(bool(row.lungs) for row in usable),
        },
        paths=(out,),
        failed={row.case_id: row.failure for row in rows if row.failure},
        warnings=(*chest_set_notes(data), *twice, *(f"{row.case_id}: {row.odd}" for row in rows if row.odd)),
        cases=len(rows),
    )


def index_rows(data: Path, engine: EngineSettings) -> list[ImageRow]:
    """The images of a data set; those that cannot be used say why.

    Raises:
        LesionkitError: the folder has no layout that is known.
    """
    images = read_chest_set(data)
    if len(images) < _FEW:
        engine = engine.model_copy(update={"backend": "processes", "workers": 1})
    return [
        outcome.value or ImageRow(i.case_id, i.patient_id or i.case_id, str(i.path), failure=str(outcome.error))
        for i, outcome in zip(images, map_cases(row_of, images, engine, "indexing"), strict=True)
    ]


def unlabelled_rows(
    settings: UnlabelledSettings, engine: EngineSettings, seed: int, warn: Callable[[str], None]
) -> list[ImageRow]:
    """The radiographs of a folder of unlabelled ones, with their image labels where a table is given.

    Args:
        warn: is told of rows without an image, and of images without a row.

    Raises:
        LesionkitError: no radiograph, a table that names none of them.
    """
    if settings.images is None:
        return []
    files = find_pictures(settings.images)
    labels = None if settings.labels is None else _labels(settings.labels, files, warn)
    if labels is not None:
        files = [file for file in files if file in labels]
    if settings.most is not None and len(files) > settings.most:
        chosen = np.random.default_rng(seed).choice(len(files), settings.most, replace=False)
        files = [files[number] for number in sorted(chosen)]
    work = partial(unlabelled_row, root=settings.images)
    if len(files) < _FEW:
        engine = engine.model_copy(update={"backend": "processes", "workers": 1})
    found = []
    for outcome in map_cases(work, files, engine, "indexing unlabelled"):
        row = outcome.value or ImageRow(outcome.item.stem, "", str(outcome.item), failure=str(outcome.error))
        found.append(row if labels is None else replace(row, label=labels[outcome.item]))
    return found


def _labels(table: Path, files: Sequence[Path], warn: Callable[[str], None]) -> dict[Path, int | None]:
    """Label by file; files that the table does not name, and lateral views, are left out."""
    frame = read_chest_labels(table)
    if "Pneumothorax" not in frame:
        raise LesionkitError(f"{table} must have a column Pneumothorax, got {', '.join(frame.columns)}")
    frame = frame[frame["view"] != "lateral"]
    label_of = dict(zip(frame["image_id"], frame["Pneumothorax"], strict=True))
    depth = max((str(name).count("/") for name in label_of), default=0) + 1
    found: dict[Path, int | None] = {}
    for file in files:
        name = "/".join(file.with_suffix("").parts[-depth:])
        if name in label_of:
            found[file] = None if pd.isna(label_of[name]) else int(label_of[name])
    if not found:
        raise LesionkitError(f"{table}: none of its {len(label_of)} images is among the {len(files)} files")
    names = {"/".join(file.with_suffix("").parts[-depth:]) for file in found}
    for sentence in unmatched(table, map(str, label_of), names, "radiograph"):
        warn(sentence)
    if len(found) < len(files):
        warn(f"{len(files) - len(found)} of {len(files)} files have no row of a frontal view in {table}; left out")
    return found


def image_set(run: RunFolder, data: Path, settings: XrayPneumothorax) -> ImageSet:
    """Index and split what is not yet indexed and split in this run.

    Raises:
        LesionkitError: no image can be used, or there are too few patients for the folds.
    """
    file, more = run.path / CATALOGUE, run.path / "unlabelled.parquet"

    def step() -> Mapping[str, Any]:
        summary = index(data, file, settings)
        for sentence in summary.warnings:
            run.warn(sentence)
        if len(summary.failed) == summary.cases:
            file.unlink()
            raise LesionkitError(f"none of {summary.cases} images can be used; {first_of(summary.failed)}")
        further, copies = unlabelled_apart(read_rows(file), _without_masks(run, settings))
        for sentence in copies:
            run.warn(sentence)
        if further:
            write_rows(further, more)
        return {**summary.facts, "unlabelled images": len(further)}

    run.once("index", step)
    rows, further = read_rows(file), read_rows(more) if more.is_file() else []
    usable = {row.case_id: row for row in rows if not row.failure}
    known = {i: row for i, row in usable.items() if row.looked_at}
    splits = _splits(run, data, known, settings.split)
    free = [*(row for row in usable.values() if not row.looked_at), *(row for row in further if not row.failure)]
    return ImageSet(known, splits, tuple(free), {r.case_id: r.failure for r in [*rows, *further] if r.failure})


def _without_masks(run: RunFolder, settings: XrayPneumothorax) -> list[ImageRow]:
    """The radiographs of both folders; labels of the second are not believed."""
    first, second = (
        unlabelled_rows(group, settings.engine, settings.split.seed, run.warn)
        for group in (settings.unlabelled, settings.further)
    )
    names = {row.case_id for row in first}
    apart = [
        replace(r, case_id=f"further-{r.case_id}" if r.case_id in names else r.case_id, label=None) for r in second
    ]
    return [*first, *apart]


def is_further(row: ImageRow, settings: XrayPneumothorax) -> bool:
    """Whether a radiograph without a mask lies in the second folder of such."""
    folder = settings.further.images
    return folder is not None and Path(row.path).absolute().is_relative_to(folder.absolute())


def _splits(run: RunFolder, data: Path, known: Mapping[str, ImageRow], settings: SplitSettings) -> Splits:
    patients = {case_id: row.patient_id for case_id, row in known.items()}
    splits = run_splits(run, data, patients, settings, partial(_deal, known=known))
    for name, cases in splits.parts.items():
        run.say(f"{name}: {len(cases)} images, {sum(known[i].positive for i in cases)} positive")
    return splits


def _deal(patients: Mapping[str, str], shares: Mapping[str, float], seed: int, known: Mapping[str, ImageRow]) -> Splits:
    return stratified_split([FoldCase(i, patient, known[i].area) for i, patient in patients.items()], shares, seed)
