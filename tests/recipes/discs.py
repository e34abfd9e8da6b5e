"""A fourth kind of image, as small as one can be: bright discs on small grey pictures.

It is the worked example of ARCHITECTURE.md, "A kind of image". Each section below would be a file of `recipes/disc/`
with the name it bears; reader and page come from rooms that are there already.
"""

import csv
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import ndimage

from lesionkit.core.files import replacing, write_text
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.slides import score_slides
from lesionkit.evaluate.tally import Tally
from lesionkit.read.picture import find_pictures, read_picture
from lesionkit.recipes.attempts import indexed
from lesionkit.recipes.base import Item, Learned, Progress, Summary
from lesionkit.recipes.ensemble import FORMAT
from lesionkit.recipes.flow import recipe
from lesionkit.recipes.kept_out import kept_out, validating
from lesionkit.recipes.kind import Kind, Listed, Scored, Shelf, View
from lesionkit.recipes.searching import Search
from lesionkit.recipes.splits import SplitSettings, run_splits
from lesionkit.report.headline import figure_text
from lesionkit.report.score_page import write_score_page
from lesionkit.runs.models import ENSEMBLE_FILE
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.split import split_by_patient

# settings.py ---------------------------------------------------------------------------------------------------------


class Discs(Settings):
    """Every setting of the recipe, one group per stage."""

    split: SplitSettings = SplitSettings()
    smooth_px: float = 1.0
    """Width of the Gaussian before brightness is judged."""
    engine: EngineSettings = EngineSettings(backend="here")


# truth.py ------------------------------------------------------------------------------------------------------------


def items_of(path: Path, truth: Path | None, settings: Discs) -> Listed:
    """The pictures of a file or folder; `labels.csv` (name, discs) beside them says how many discs each has."""
    files = find_pictures(path)
    table = truth or (path if path.is_dir() else path.parent) / "labels.csv"
    rows = list(csv.reader(table.read_text().splitlines()))[1:] if table.is_file() else []
    discs = {name: int(count) for name, count in rows}
    unknown = sorted(set(discs) - {file.stem for file in files})
    notes = [f"{table} names {len(unknown)} pictures that are not there, first '{unknown[0]}'"] if unknown else []
    known = {name: {"discs": count} for name, count in discs.items()}
    return Listed([Item(file.stem, file, file.stem, known.get(file.stem)) for file in files], notes)


# data.py -------------------------------------------------------------------------------------------------------------


def index(data: Path, out: Path, settings: Discs) -> Summary:
    """The table of pictures."""
    listed = items_of(data, None, settings)
    table = pd.DataFrame({"case_id": [item.case_id for item in listed.items]})
    with replacing(out) as temporary:
        table.to_parquet(temporary, index=False)
    return Summary({"pictures": len(table)}, (out,), warnings=tuple(listed.notes), cases=len(table))


# prepare.py ----------------------------------------------------------------------------------------------------------


def prepare(run: RunFolder, data: Path, settings: Discs, preview: bool) -> Summary:
    """Pictures this small are read when they are needed."""
    facts = indexed(run, data, run.path / "catalogue.parquet", "picture", partial(index, data, settings=settings))
    _splits(run, data, settings)
    return Summary(dict(run.once("prepare", lambda: facts)), cases=int(facts["pictures"]))


# train.py ------------------------------------------------------------------------------------------------------------


def learn(
    run: RunFolder, data: Path, settings: Discs, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """Learn the brightness in the middle between pictures with and without discs."""
    prepare(run, data, settings, False)
    items, splits = _known(data, settings), _splits(run, data, settings)
    model = run.path / ENSEMBLE_FILE

    def train() -> Mapping[str, Any]:
        peaks: dict[bool, list[float]] = {True: [], False: []}
        for name in splits.parts["train"]:
            peaks[items[name].known["discs"] > 0].append(float(_smooth(items[name], settings).max()))
        level = (min(peaks[True]) + max(peaks[False])) / 2
        told = {"recipe": "disc-finder", "settings": settings.model_dump(mode="json"), "level": level}
        write_text(model, json.dumps({"format": FORMAT, "nets": [], **told}))
        return {"level": round(level, 3)}

    facts = run.once("train", train)
    summary = Summary(facts, (model,), warnings=run.warnings, cases=len(items))
    searched = partial(kept_out, run, items, splits, "picture", model)
    return Learned(summary, searched, partial(validating, items, splits, "picture", model), facts["level"])


def _known(data: Path, settings: Discs) -> dict[str, Item]:
    return {item.case_id: item for item in items_of(data, None, settings).items if item.known is not None}


def _splits(run: RunFolder, data: Path, settings: Discs) -> Any:
    patients = {name: item.patient_id for name, item in _known(data, settings).items()}
    return run_splits(run, data, patients, settings.split, _deal)


def _deal(patients: Mapping[str, str], shares: Mapping[str, float], seed: int) -> Any:
    return split_by_patient(patients, shares, seed)


# search.py -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FoundPicture:
    """Places (row, column) of the discs of one picture, and what ranks pictures."""

    item: Item
    places: Sequence[Sequence[float]]
    score: float
    facts: Mapping[str, Any]

    def document(self) -> dict[str, Any]:
        return {"places": self.places, "score": self.score, "facts": self.facts}

    @classmethod
    def parse(cls, item: Item, document: Mapping[str, Any]) -> "FoundPicture":
        return cls(item, **document)


def _smooth(item: Item, settings: Discs) -> Any:
    image = read_picture(item.path).image
    return ndimage.gaussian_filter(image.read(image.grid.whole).astype(float), settings.smooth_px)


def search(item: Item, opened: Any, model: Path, settings: Discs, folder: Path, keep: bool) -> FoundPicture:
    """The pieces that are brighter than what was learned."""
    start = time.perf_counter()
    bright, count = ndimage.label(opened > json.loads(model.read_text())["level"])
    places = [list(map(float, place)) for place in ndimage.center_of_mass(bright > 0, bright, range(1, count + 1))]
    facts = {"seconds": {"total": time.perf_counter() - start}, "warnings": ["black"] if not opened.any() else []}
    return FoundPicture(item, places, float(opened.max()), facts)


DISC_SEARCH = Search("picture", FoundPicture, _smooth, search)


# score.py ------------------------------------------------------------------------------------------------------------


def score(found: Sequence[FoundPicture], model: Path, settings: Discs) -> Scored:
    """How well the brightest place tells pictures with discs from those without."""
    known = {one.item.case_id: one.item.known["discs"] > 0 for one in found if one.item.known is not None}
    scores = {one.item.case_id: one.score for one in found if one.item.case_id in known}
    patients = Patients.of(list(known))
    tally = Tally.of_images(list(known.values()), list(scores.values()), patients, "picture") if known else None
    if len(set(known.values())) < 2:
        return Scored(known, {}, tally=tally)
    return Scored(known, {"pictures": score_slides(known, scores)}, tally=tally)


def scores_of(found: Sequence[FoundPicture], model: Path, settings: Discs) -> list[float]:
    """Of every picture."""
    return [one.score for one in found]


def basis(settings: Discs) -> dict[str, Any]:
    """What scores depend on."""
    return {"smooth_px": settings.smooth_px}


# page.py -------------------------------------------------------------------------------------------------------------


def show(shelf: Shelf[FoundPicture], settings: Discs) -> View:
    """discs.csv, and the page of the score where there is one."""
    rows = [[one.item.case_id, *map(str, np.round(place, 2))] for one in shelf.found for place in one.places]
    table = write_text(shelf.folder / "discs.csv", "\n".join([",".join(row) for row in [["name", "y", "x"], *rows]]))
    scores = list(shelf.scored.scores.values())
    pages = [write_score_page(shelf.folder, scores, "Discs")] if scores else []
    told = {"AUC": figure_text(scores[0], "slide AUC", f"{len(shelf.scored.known)} pictures")} if scores else {}
    return View((*pages, table), {"discs": len(rows), **told})


# kind.py -------------------------------------------------------------------------------------------------------------

DISC = Kind(
    search=DISC_SEARCH,
    items=items_of,
    index=index,
    prepare=prepare,
    learn=learn,
    score=score,
    show=show,
    scores=scores_of,
    basis=basis,
    finds="picture with discs",
)
RECIPE = recipe("disc-finder", "bright discs on small pictures", Discs, DISC)
