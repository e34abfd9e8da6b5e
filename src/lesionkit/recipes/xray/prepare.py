"""A data set of radiographs -> images dealt to folds and test, and prepared pictures of those that learn."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.files import write_text
from lesionkit.prepare.picture_store import PictureFile
from lesionkit.read.chest_rows import ImageRow
from lesionkit.recipes.base import Summary
from lesionkit.recipes.splits import SPLITS
from lesionkit.recipes.xray.data import CATALOGUE, ImageSet, image_set
from lesionkit.recipes.xray.pictures import Corners, Plan, prepare_pictures
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.pictures import Entry

BOXES = "lung_boxes.json"


class ChosenPictures:
    """Some pictures of one or several sources, without their masks; `Pictures` for what counts as unlabelled."""

    def __init__(self, entries: Sequence[Entry]) -> None:
        self.entries = tuple(entries)

    def __len__(self) -> int:
        return len(self.entries)

    def image(self, number: int) -> NDArray[np.uint8]:
        """Grey values (y, x)."""
        return self.entries[number].pictures.image(self.entries[number].number)

    def mask(self, number: int) -> NDArray[np.bool_]:
        """Nobody looked: false everywhere."""
        return np.zeros(self.image(number).shape, bool)


@dataclass(frozen=True, eq=False)
class PreparedSet:
    """Radiographs that are ready to learn from.

    Attributes:
        images: those that can be used, with their parts. Images of the test part are not prepared: they are searched
            as they are on disk.
        pictures, number: the prepared pictures, and the number of each case among them.
        boxes: what part of a radiograph its picture shows, by case id; None for the whole.
        unlabelled: pictures without masks, and the number of each case among them.
    """

    images: ImageSet
    pictures: PictureFile
    number: Mapping[str, int]
    boxes: Mapping[str, Corners | None]
    unlabelled: PictureFile | None
    unlabelled_number: Mapping[str, int]

    def entry(self, row: ImageRow) -> Entry:
        """The picture of an image, labelled or not."""
        if row.case_id in self.number:
            return Entry(self.pictures, self.number[row.case_id])
        if self.unlabelled is None:
            raise KeyError(row.case_id)
        return Entry(self.unlabelled, self.unlabelled_number[row.case_id])

    def learners(self, fold: str, share: float, seed: int) -> tuple[list[ImageRow], list[ImageRow]]:
        """Images that learn with masks when `fold` validates, and those that count as unlabelled then.

        Args:
            share: of the patients, positive and healthy ones alike, whose masks may be looked at.
        """
        rows, _ = self.images.round(fold)
        hidden = _hidden(rows, share, seed)
        free = [row for row in rows if row.patient_id in hidden]
        labelled = [row for row in rows if row.patient_id not in hidden]
        return labelled, [*free, *(row for row in self.images.unlabelled if row.case_id in self.unlabelled_number)]


def prepared_set(run: RunFolder, data: Path, settings: XrayPneumothorax) -> PreparedSet:
    """Index, split, find lungs and prepare what is not done yet; what the cache has is not prepared again.

    Raises:
        LesionkitError: no image can be used.
    """
    images = image_set(run, data, settings)
    rows: Sequence[ImageRow] = images.seen
    boxes: dict[str, Corners | None] = {}
    failed: dict[str, str] = {}
    if settings.lung.crop:
        from lesionkit.recipes.xray.lung import lung_net

        weights = lung_net(run, images, settings)
        boxes, failed = _boxes(run, [*rows, *images.unlabelled], weights, settings)
    rows = [row for row in rows if row.case_id not in failed]
    pictures, bad = _prepared(rows, boxes, settings)
    free = [row for row in images.unlabelled if row.case_id not in failed]
    more, worse = _prepared(free, boxes, settings) if free else (None, {})
    failed |= {rows[n].case_id: reason for n, reason in bad.items()}
    failed |= {free[n].case_id: reason for n, reason in worse.items()}
    usable = {case_id: row for case_id, row in images.images.items() if case_id not in failed}
    prepared = PreparedSet(
        images=replace(images, images=usable, failed={**images.failed, **failed}),
        pictures=pictures,
        number=_numbers(rows, bad),
        boxes=boxes,
        unlabelled=more,
        unlabelled_number=_numbers(free, worse),
    )
    run.once("prepare", lambda: {"prepared": len(prepared.number), "side": settings.side, "failed": failed})
    return prepared


def prepare(run: RunFolder, data: Path, settings: XrayPneumothorax, preview: bool) -> Summary:
    """See `Recipe.prepare`; there is no page of odd cases for radiographs."""
    prepared = prepared_set(run, data, settings)
    if preview:
        run.warn("radiographs have no preview; 'lesionkit find' shows them")
    facts: dict[str, Any] = {"prepared": len(prepared.number), "pixels per side": settings.side}
    for name in prepared.images.splits.parts:
        rows = prepared.images.part(name)
        facts[name] = f"{len(rows)} images, {sum(row.positive for row in rows)} with pneumothorax"
    images = prepared.images
    return Summary(facts, (run.path / CATALOGUE, run.path / SPLITS), images.failed, run.warnings, images.count)


def _prepared(
    rows: Sequence[ImageRow], boxes: Mapping[str, Corners | None], settings: XrayPneumothorax
) -> tuple[PictureFile, dict[int, str]]:
    return prepare_pictures([Plan(row, boxes.get(row.case_id)) for row in rows], settings.side, settings.engine)


def _numbers(rows: Sequence[ImageRow], failed: Iterable[int]) -> dict[str, int]:
    left_out = set(failed)
    return {row.case_id: number for number, row in enumerate(rows) if number not in left_out}


def _boxes(
    run: RunFolder, rows: Sequence[ImageRow], weights: Path, settings: XrayPneumothorax
) -> tuple[dict[str, Corners | None], dict[str, str]]:
    file = run.path / BOXES

    def step() -> Mapping[str, Any]:
        from lesionkit.recipes.xray.lung import lung_boxes

        boxes, failed = lung_boxes(rows, weights, settings)
        write_text(file, json.dumps({row.case_id: box for row, box in zip(rows, boxes, strict=True)}) + "\n")
        return {"cut to the lungs": sum(box is not None for box in boxes), "images": len(rows), "failed": failed}

    failed = dict(run.once("lung boxes", step)["failed"])
    kept = json.loads(file.read_text(encoding="utf-8"))
    return {name: None if box is None else (box[0], box[1], box[2], box[3]) for name, box in kept.items()}, failed


def _hidden(rows: Sequence[ImageRow], share: float, seed: int) -> set[str]:
    """Patients whose masks are not looked at; of positive and of healthy ones at least one keeps its masks."""
    if share >= 1:
        return set()
    positive = {row.patient_id for row in rows if row.positive}
    hidden: set[str] = set()
    for group in (sorted(positive), sorted({row.patient_id for row in rows} - positive)):
        order = np.random.default_rng(seed).permutation(len(group))
        hidden |= {group[int(number)] for number in order[max(round(share * len(group)), 1) :]}
    return hidden
