"""One scan on disk -> what was found in it, with the time each step took; kept as one small file per scan."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.grid import Grid
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.infer.domain import Domain
from lesionkit.prepare.case import prepare_ct
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.recipes.ct.store import keep_prepared, open_native

if TYPE_CHECKING:
    from lesionkit.infer.detect import NoduleDetector


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in one scan.

    Attributes:
        grid: of the scan as it is on disk.
        candidates: strongest first.
        facts: of the prepared case: lungs, searched part, warnings, seconds per step.
        truth, excluded: as of a `Case`; not in the record, joined when the page is written.
        native, prepared: the case as read and as searched; None where only the record is left.
    """

    path: Path
    case_id: str
    patient_id: str
    grid: Grid
    candidates: tuple[Candidate, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    truth: tuple[Lesion, ...] | None = None
    excluded: tuple[Lesion, ...] = ()
    native: Case | None = None
    prepared: Case | None = None


def search_scan(path: Path, settings: CtNodule, model: Path, check: Callable[[Found], object] | None = None) -> Found:
    """Read, prepare and search one scan.

    Args:
        model: weights file.
        check: called with the scan as it was read, before anything is computed; raises where it cannot be scored.

    Raises:
        LesionkitError: the scan cannot be used.
    """
    detector, domain = load_detector(model, settings)
    start = time.perf_counter()
    native = open_native(path, settings)
    if check is not None:
        check(Found(path, native.case_id, native.patient_id, native.image.grid, facts=dict(native.facts)))
    read = time.perf_counter()
    prepared = prepare_ct(native, settings.prepare)
    ready = time.perf_counter()
    candidates = tuple(detector.find(prepared))
    done = time.perf_counter()
    seconds = {"read": read - start, "prepare": ready - read, "search": done - ready, "total": done - start}
    facts = {
        **prepared.facts,
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "warnings": [*prepared.facts.get("warnings", ()), *domain.warnings(prepared)],
    }
    return Found(
        path,
        native.case_id,
        native.patient_id,
        native.image.grid,
        candidates,
        facts,
        native=native,
        prepared=prepared,
    )


def search_and_keep(
    path: Path, settings: CtNodule, model: Path, check: Callable[[Found], object], records: Path
) -> None:
    """Search one of many scans: its record goes to the folder `records`, its prepared images to the store.

    A scan whose record is there already is not searched again.
    """
    file = record_file(records, path)
    if not file.is_file():
        found = search_scan(path, settings, model, check)
        if found.prepared is not None:
            keep_prepared(path, found.prepared, settings)
        write_record(file, found)


def record_file(records: Path, path: Path) -> Path:
    """Where the record of a scan lies; one name per path."""
    return records / ("__".join(part for part in path.parts if part not in (path.anchor, "..", ".")) + ".json")


def write_record(file: Path, found: Found) -> None:
    """Keep what was found, without images. Inverse of `read_record`."""
    marks = [[list(c.centre_mm), c.score, c.diameter_mm] for c in found.candidates]
    record = {
        "path": str(found.path),
        "case_id": found.case_id,
        "patient_id": found.patient_id,
        "grid": asdict(found.grid),
        "candidates": marks,
        "facts": found.facts,
    }
    write_text(file, json.dumps(record, indent=1, default=str) + "\n")


def read_record(file: Path) -> Found:
    """What was found in one scan.

    Raises:
        LesionkitError: the record is damaged.
    """
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        marks = tuple(Candidate(tuple(centre), score, diameter) for centre, score, diameter in record["candidates"])
        path = Path(record["path"])
        grid = Grid(**record["grid"])
        return Found(path, record["case_id"], record["patient_id"], grid, marks, record["facts"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LesionkitError(f"{file} is damaged ({error}); delete it and run the same command again") from error


@lru_cache(maxsize=1)
def load_detector(model: Path, settings: CtNodule) -> "tuple[NoduleDetector, Domain]":
    """The detector of a weights file and what it was trained on; loaded once per process, and torch with it."""
    from lesionkit.infer.detect import NoduleDetector
    from lesionkit.nets.weights import load_model, pick_device

    net, card = load_model(model)
    device = pick_device(settings.infer.device)
    return NoduleDetector(net, settings.infer, device), Domain.parse(card.get("domain", {}))
