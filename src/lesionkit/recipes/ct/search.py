"""One scan on disk -> what was found in it, with the time each step took."""

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Candidate
from lesionkit.engine.progress import progress
from lesionkit.infer.join import join_candidates
from lesionkit.prepare.case import prepare_ct
from lesionkit.recipes.base import Item
from lesionkit.recipes.ct.first import found_first, looked_for
from lesionkit.recipes.ct.load import Model, load_detectors
from lesionkit.recipes.ct.prepare import keep_prepared, open_native
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.ct.truth import refuse_elsewhere
from lesionkit.recipes.ensemble import nets_of
from lesionkit.recipes.foreign import ENTRY, tell_foreign
from lesionkit.recipes.searching import Search

if TYPE_CHECKING:
    from lesionkit.infer.detectors import Detector
    from lesionkit.nets.features import FeatureTap


_shown = partial(progress, "searching", after_s=2.0)
"""Rate and time left of a search that takes longer; of many scans their own bar is shown alone."""


@dataclass(frozen=True, eq=False)
class FoundScan:
    """What was found in one scan.

    Attributes:
        grid: of the scan as it is on disk.
        candidates: strongest first.
        facts: of the prepared case: lungs, searched part, warnings, seconds per step.
        native, prepared: the case as read and as searched; None where only the record is left.
    """

    item: Item
    patient_id: str
    grid: Grid
    candidates: tuple[Candidate, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    native: Case | None = None
    prepared: Case | None = None

    def document(self) -> dict[str, Any]:
        """What JSON can hold: all but the images."""
        marks = [[list(c.centre_mm), c.score, c.diameter_mm, c.leaves_scan] for c in self.candidates]
        return {"patient_id": self.patient_id, "grid": asdict(self.grid), "candidates": marks, "facts": self.facts}

    @classmethod
    def parse(cls, item: Item, document: Mapping[str, Any]) -> "FoundScan":
        """Inverse of `document`."""
        marks = tuple(Candidate(tuple(centre), *rest) for centre, *rest in document["candidates"])
        return cls(item, document["patient_id"], Grid(**document["grid"]), marks, dict(document["facts"]))


@dataclass(frozen=True, eq=False)
class OpenedScan:
    """A scan as it is on disk, and the seconds that reading it took."""

    native: Case
    seconds: float


def open_scan(item: Item, settings: CtSettings) -> OpenedScan:
    """Read a scan; refused where a known lesion lies outside of it, before anything is computed.

    Raises:
        LesionkitError: the scan cannot be used, or its truth is of another one.
    """
    start = time.perf_counter()
    native = open_native(item.path, settings)
    refuse_elsewhere(item, native.image.grid)
    return OpenedScan(native, time.perf_counter() - start)


def search_scan(
    item: Item, opened: OpenedScan, model: Model, settings: CtSettings, folder: Path, keep: bool
) -> FoundScan:
    """Prepare and search one scan; see `Kind.search`. With `keep` its prepared images go to the store.

    Candidates of several networks are joined, see `join_candidates`.

    Raises:
        LesionkitError: the scan cannot be used.
    """
    del folder
    start = time.perf_counter()
    prepared = prepare_ct(opened.native, settings.prepare)
    ready = time.perf_counter()
    # After all that may refuse the scan: to load the network takes longer.
    detectors, weights, domain = load_detectors(model, settings)
    loaded = time.perf_counter()
    first = None if settings.screen.model is None else found_first(opened.native, prepared, settings)
    screened_at = time.perf_counter()
    found = [looked_for(detector, prepared, first, settings.screen, _shown) for detector in detectors]
    foreign = tell_foreign(_first(model), features_of(detectors[0]), settings.infer.foreign, "scan", item.case_id)
    candidates = tuple(join_candidates(found, weights, settings.infer))
    done = time.perf_counter()
    seconds = {"read": opened.seconds, "prepare": ready - start, "search": done - screened_at}
    if settings.screen.model is not None:
        seconds["screen"] = screened_at - loaded
    seconds["total"] = sum(seconds.values())
    facts = {
        **prepared.facts,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "warnings": [*prepared.facts.get("warnings", ()), *domain.warnings(prepared), *foreign.warnings],
        ENTRY: dict(foreign.facts),
    }
    if keep:
        keep_prepared(item.path, prepared, settings)
    native = opened.native
    patient = item.patient_id or native.patient_id
    return FoundScan(item, patient, native.image.grid, candidates, facts, native, prepared)


def scan_features(item: Item, opened: OpenedScan, model: Path, settings: CtSettings) -> NDArray[np.float32]:
    """What the first network of a model sees of the lungs of a scan; see `Search.features`."""
    del item
    return case_features(load_detectors(model, settings)[0][0], prepare_ct(opened.native, settings.prepare))


def case_features(detector: "Detector", case: Case) -> NDArray[np.float32]:
    """What a network sees of the lungs of a prepared scan, (1, c); (0, 0) of one that does not tell."""
    detector.find(case)
    return features_of(detector)


def features_of(detector: "Detector") -> NDArray[np.float32]:
    """What a network saw of the scan that it searched last; networks of others do not tell."""
    tap: FeatureTap | None = getattr(detector, "tap", None)
    return np.zeros((0, 0), np.float32) if tap is None else tap.mean()


def _first(model: Model) -> Path:
    return (nets_of(model) if isinstance(model, Path) else model)[0].path


CT_SEARCH = Search("scan", FoundScan, open_scan, search_scan, features=scan_features)
