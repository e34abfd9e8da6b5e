"""One radiograph on disk -> a mask, a probability map and what else was found on it."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from lesionkit.core.case import Case
from lesionkit.core.files import replacing
from lesionkit.core.mask import encode_rle_siim
from lesionkit.core.names import file_in
from lesionkit.core.runs import runs_of
from lesionkit.prepare.frontal import frontal_warnings
from lesionkit.read.picture import read_picture
from lesionkit.recipes.base import Item
from lesionkit.recipes.foreign import ENTRY, tell_foreign
from lesionkit.recipes.searching import Search
from lesionkit.recipes.xray.ensemble import Searcher, load_ensemble
from lesionkit.recipes.xray.settings import XrayInferSettings, XrayPneumothorax
from lesionkit.write.siim import write_mask

MASKS = "masks"

Model = Path | tuple[Path, str]
"""What searches: a model, or those of its networks that have not learned from a fold."""


@dataclass(frozen=True)
class FoundRadiograph:
    """What was found on one radiograph, without its pixels.

    Attributes:
        shape: rows and columns.
        encoded: rle_siim of the rule's mask at the radiograph's own size, "-1" where it holds it to be empty.
        drawn: rle_siim of what the rule outlines where it does not decide.
        score: what ranks images and decides, 0..1. p_nonempty: what the image heads say, None without any.
        area: share of the image that was found to be lesion.
        facts: "lung_box" (rows and columns that were searched, None for the whole), "seconds", "warnings", and as
            "notes" what is odd in most files.
    """

    item: Item
    patient_id: str
    shape: tuple[int, int]
    encoded: str
    score: float
    p_nonempty: float | None
    area: float
    facts: Mapping[str, Any] = field(default_factory=dict)
    drawn: str = "-1"

    def outline(self, decided: bool | None) -> str:
        """rle_siim of what is shown of a radiograph that is held to be positive or not; None where nothing decides."""
        if decided is None:
            return self.encoded
        if not decided:
            return "-1"
        return self.drawn if self.encoded == "-1" else self.encoded

    def document(self) -> dict[str, Any]:
        """What JSON can hold."""
        names = ("patient_id", "shape", "encoded", "score", "p_nonempty", "area", "facts", "drawn")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def parse(cls, item: Item, document: Mapping[str, Any]) -> "FoundRadiograph":
        """Inverse of `document`."""
        values = {name: value for name, value in document.items() if name != "item"}
        rows, columns = values.pop("shape")
        return cls(item, shape=(int(rows), int(columns)), **values)


@dataclass(frozen=True, eq=False)
class OpenedRadiograph:
    """A radiograph with its pixels (y, x), and the seconds that reading it took."""

    case: Case
    pixels: NDArray[Any]
    seconds: float


def open_radiograph(item: Item, settings: XrayPneumothorax) -> OpenedRadiograph:
    """Read a radiograph.

    Raises:
        LesionkitError: the file is no radiograph.
    """
    del settings
    start = time.perf_counter()
    case = read_picture(item.path)
    pixels = case.image.read(case.image.grid.whole)
    return OpenedRadiograph(case, pixels, time.perf_counter() - start)


def search_radiograph(
    item: Item, opened: OpenedRadiograph, model: Model, settings: XrayPneumothorax, folder: Path, keep: bool
) -> FoundRadiograph:
    """Search one radiograph and write its mask and its probability map of 8 bits; see `Kind.search`."""
    del keep
    searcher = load_searcher(model, settings.infer)
    found = searcher(opened.pixels)
    foreign = tell_foreign(searcher.first, found.features, settings.infer.foreign, "radiograph", item.case_id)
    write_mask(file_in(folder / MASKS, f"{item.case_id}.png"), found.mask)
    with replacing(probability_file(folder, item.case_id)) as temporary:
        levels = np.rint(found.probability * 255).astype(np.uint8)
        Image.fromarray(levels).save(temporary, format="PNG")
    runs, box, case = runs_of(found.mask), found.lung_box, opened.case
    odd = [*case.facts.get("warnings", ()), *frontal_warnings(opened.pixels)]
    # That most files tell no pixel spacing is said on their pages only.
    notes = [sentence for sentence in odd if "no pixel spacing" in sentence]
    seconds = {"read": opened.seconds, **found.seconds}
    seconds["total"] = sum(seconds.values())
    named = item.patient_id or (case.patient_id if case.patient_id != case.case_id else item.case_id)
    return FoundRadiograph(
        item,
        named,
        (opened.pixels.shape[0], opened.pixels.shape[1]),
        encoded=encode_rle_siim(runs),
        score=round(found.score, 6),
        p_nonempty=None if found.p_nonempty is None else round(found.p_nonempty, 6),
        area=runs.area / opened.pixels.size,
        facts={
            "lung_box": None if box is None else [n for side in box for n in (side.start, side.stop)],
            "seconds": {name: round(value, 4) for name, value in seconds.items()},
            "warnings": [*(sentence for sentence in odd if sentence not in notes), *foreign.warnings],
            ENTRY: dict(foreign.facts),
            "notes": notes,
        },
        drawn=encode_rle_siim(runs_of(found.drawn)),
    )


def probability_file(folder: Path, case_id: str) -> Path:
    """Where the probability map of a radiograph lies."""
    return file_in(folder / MASKS, f"{case_id}-probability.png")


@lru_cache(maxsize=1)
def load_searcher(model: Model, infer: XrayInferSettings) -> Searcher:
    """The ensemble of a model, loaded once per process."""
    return Searcher(load_ensemble(model) if isinstance(model, Path) else load_ensemble(*model), infer)


@lru_cache(maxsize=1)
def _load_first(model: Path, infer: XrayInferSettings) -> Searcher:
    return Searcher(load_ensemble(model).first, infer)


def radiograph_features(
    item: Item, opened: OpenedRadiograph, model: Path, settings: XrayPneumothorax
) -> NDArray[np.float32]:
    """What the first network of a model sees of a radiograph, (1, c); see `Search.features`."""
    del item
    return _load_first(model, settings.infer)(opened.pixels).features


XRAY_SEARCH = Search(
    "radiograph", FoundRadiograph, open_radiograph, search_radiograph, few=1000, features=radiograph_features
)
