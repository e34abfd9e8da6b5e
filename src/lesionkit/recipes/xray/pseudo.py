"""Masks that networks drew on radiographs without masks, with where each came from, for the next round of training."""

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.read.chest_rows import ImageRow
from lesionkit.recipes.xray.data import is_further
from lesionkit.recipes.xray.fit import PseudoEntries
from lesionkit.recipes.xray.members import Member
from lesionkit.recipes.xray.prepare import PreparedSet
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.sample.pictures import Entry
from lesionkit.sample.pseudo import PseudoLabel, accept

Ask = Callable[[ImageRow], tuple[NDArray[np.float32], float]]
"""Probability of a prepared picture, and that it holds a lesion at all."""


class PseudoPictures:
    """Pictures with masks that networks drew; `Pictures` of `lesionkit.sample.radiographs`."""

    def __init__(self, entries: Sequence[Entry], places: Sequence[int], masks: Path, side: int) -> None:
        self.entries, self.places, self.file, self.side = tuple(entries), tuple(places), masks, side

    def __len__(self) -> int:
        return len(self.entries)

    def image(self, number: int) -> NDArray[np.uint8]:
        """Grey values (y, x)."""
        return self.entries[number].pictures.image(self.entries[number].number)

    def mask(self, number: int) -> NDArray[np.bool_]:
        """What the networks drew (y, x)."""
        packed: Any = np.load(self.file, "r")
        return np.unpackbits(np.array(packed[self.places[number]]), axis=1)[:, : self.side].astype(bool)


def make_pseudo_labels(
    run: Path,
    fold: str,
    number: int,
    rows: Sequence[ImageRow],
    ask: Ask,
    models: Mapping[str, str],
    settings: XrayPneumothorax,
) -> Mapping[str, Any]:
    """Write the pseudo-labels of a round and fold: masks, and a table of where each came from.

    Args:
        number: of the round, from 1.
        rows: radiographs without masks.
        models: SHA-256 by name of the networks that `ask` asks.

    Raises:
        LesionkitError: there is no radiograph without mask, or the filter keeps none.
    """
    if not rows:
        raise LesionkitError(
            "pseudo-labels need radiographs without masks; give --set unlabelled.images=FOLDER, or set pseudo.rounds "
            "to 0"
        )
    folder, side = _folder(run, fold, number), settings.side
    folder.mkdir(parents=True, exist_ok=True)

    def labelled(row: ImageRow) -> PseudoLabel | None:
        probability, p_nonempty = ask(row)
        pseudo = settings.pseudo
        if is_further(row, settings):
            pseudo = pseudo.model_copy(update={"filter": "confidence"})
        return accept(row.case_id, row.label, probability, p_nonempty, pseudo, number, models)

    told: list[dict[str, Any]] = []
    kept: list[dict[str, Any]] = []
    with replacing(folder / "masks.npy") as temporary:
        masks = open_memmap(temporary, "w+", np.uint8, (len(rows), side, -(-side // 8)))
        outcomes = map_cases(labelled, list(rows), EngineSettings(workers=1), "pseudo-labelling")
        for place, outcome in enumerate(outcomes):
            if outcome.error is not None:
                raise LesionkitError(f"{outcome.item.case_id}: no pseudo-label could be made: {outcome.error}")
            label = outcome.value
            if label is not None:
                masks[place] = np.packbits(label.mask, axis=1)
                kept.append({"case_id": label.case_id, "positive": bool(label.positive), "place": place})
                told.append({"case_id": label.case_id, "positive": int(label.positive), **label.provenance})
        masks.flush()
    if not kept:
        raise LesionkitError(
            f"the filter '{settings.pseudo.filter}' kept none of {len(rows)} pseudo-labels; loosen it, give labels, or "
            "train longer"
        )
    write_text(folder / "provenance.csv", _table(told))
    write_text(folder / "labels.json", json.dumps(kept) + "\n")
    positive = sum(one["positive"] for one in kept)
    return {"asked": len(rows), "kept": len(kept), "positive": positive}


def read_pseudo_labels(
    run: Path, fold: str, number: int, prepared: PreparedSet, settings: XrayPneumothorax, member: Member
) -> PseudoEntries:
    """The pseudo-labels of a round and fold that a member learns from, ready to be mixed in."""
    if member.pseudo == "none":
        return PseudoEntries()
    folder = _folder(run, fold, number)
    labels = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    rows = {row.case_id: row for row in (*prepared.images.unlabelled, *prepared.images.images.values())}
    if member.pseudo == "unlabelled":
        labels = [one for one in labels if not is_further(rows[one["case_id"]], settings)]
    entries = [prepared.entry(rows[one["case_id"]]) for one in labels]
    pictures = PseudoPictures(entries, [one["place"] for one in labels], folder / "masks.npy", settings.side)
    positive = [bool(one["positive"]) for one in labels]
    return PseudoEntries([Entry(pictures, n) for n in range(len(labels))], positive, settings.pseudo.share)


def _folder(run: Path, fold: str, number: int) -> Path:
    return run / "pseudo" / f"round-{number}" / fold


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {
                k: " ".join(f"{name}:{sha}" for name, sha in v.items()) if isinstance(v, Mapping) else v
                for k, v in row.items()
            }
        )
    return text.getvalue()
