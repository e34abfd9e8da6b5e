"""Radiographs on disk -> a mask, a probability map and a record each."""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text
from lesionkit.core.mask import encode_rle_siim
from lesionkit.core.runs import runs_of
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.read.picture import read_picture
from lesionkit.recipes.xray.ensemble import Searcher, load_ensemble
from lesionkit.recipes.xray.settings import XrayInferSettings
from lesionkit.runs.run_folder import RunFolder
from lesionkit.write.siim import write_mask

RECORDS, MASKS = "cases", "masks"


@dataclass(frozen=True)
class FoundRow:
    """What was found on one radiograph, without its pixels.

    Attributes:
        encoded: rle_siim of the found mask at the radiograph's own size, "-1" where nothing was found.
        score: what ranks images, 0..1. p_nonempty: what the image heads say, None without any.
        area: share of the image that was found to be lesion.
        lung_box: rows and columns that were searched, None for the whole.
    """

    case_id: str
    patient_id: str
    path: str
    rows: int
    columns: int
    encoded: str
    score: float
    p_nonempty: float | None
    area: float
    lung_box: tuple[int, ...] | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    @property
    def decided(self) -> bool:
        """Whether a lesion was found."""
        return self.encoded != "-1"

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.columns


def find_all(
    run: RunFolder, files: Sequence[Path], model: Path, infer: XrayInferSettings
) -> tuple[list[FoundRow], dict[str, str]]:
    """Search every file that is not yet searched in this run; what was found, and which files failed why.

    Raises:
        LesionkitError: none can be searched, or two files have one name also with their folders'.
    """
    names = case_names(files)
    searcher = Searcher(load_ensemble(model), infer)

    def one(file: Path) -> None:
        if not _record(run.path, names[file]).is_file():
            search_file(run.path, file, names[file], searcher)

    def step() -> Mapping[str, Any]:
        outcomes = list(map_cases(one, files, EngineSettings(backend="here"), "searching"))
        failed = {str(o.item): o.error for o in outcomes if o.error}
        if len(failed) == len(files):
            name, reason = next(iter(failed.items()))
            reason = str(reason)
            raise LesionkitError(
                f"none of {len(files)} radiographs can be searched; the first: "
                f"{reason if name in reason else f'{name}: {reason}'}"
            )
        return {"radiographs": len(files), "failed": failed}

    failed = dict(run.once("find", step)["failed"])
    return [read_record(_record(run.path, names[f])) for f in files if str(f) not in failed], failed


def case_names(files: Sequence[Path]) -> dict[Path, str]:
    """A name for every file: its stem, after its folder's where two files have one stem."""
    stems = Counter(file.stem for file in files)
    names = {f: f.stem if stems[f.stem] == 1 else f"{f.parent.name}-{f.stem}" for f in files}
    twice = [name for name, count in Counter(names.values()).items() if count > 1]
    if twice:
        same = [str(file) for file, name in names.items() if name == twice[0]]
        raise LesionkitError(
            f"two radiographs are called '{twice[0]}': {same[0]} and {same[1]}; rename one, or search them apart"
        )
    return names


def search_file(out: Path, file: Path, name: str, searcher: Searcher) -> FoundRow:
    """Search one radiograph; write its mask, its probability map of 8 bits, and its record, the record last.

    Raises:
        LesionkitError: the file is no radiograph.
    """
    start = time.perf_counter()
    case = read_picture(file)
    image = case.image.read(case.image.grid.whole)
    read = time.perf_counter() - start
    found = searcher(image)
    write_mask(out / MASKS / f"{name}.png", found.mask)
    with replacing(out / MASKS / f"{name}-probability.png") as temporary:
        levels = np.rint(found.probability * 255).astype(np.uint8)
        Image.fromarray(levels).save(temporary, format="PNG")
    runs = runs_of(found.mask)
    box = found.lung_box
    row = FoundRow(
        case_id=name,
        patient_id=case.patient_id if case.patient_id != case.case_id else name,
        path=str(file.absolute()),
        rows=image.shape[0],
        columns=image.shape[1],
        encoded=encode_rle_siim(runs),
        score=round(found.score, 6),
        p_nonempty=None if found.p_nonempty is None else round(found.p_nonempty, 6),
        area=runs.area / image.size,
        lung_box=None if box is None else tuple(n for side in box for n in (side.start, side.stop)),
        seconds={"read": round(read, 4), **{k: round(v, 4) for k, v in found.seconds.items()}},
        warnings=tuple(case.facts.get("warnings", ())),
    )
    write_text(_record(out, name), json.dumps(asdict(row), indent=1) + "\n")
    return row


def read_record(file: Path) -> FoundRow:
    """What was found on one radiograph.

    Raises:
        LesionkitError: the record is damaged.
    """
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return FoundRow(**{**record, "warnings": tuple(record["warnings"])})
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LesionkitError(f"{file} is damaged ({error}); delete it and run the same command again") from error


def read_records(run: Path) -> list[FoundRow]:
    """All records of a run, by case id."""
    return [read_record(file) for file in sorted((run / RECORDS).glob("*.json"))]


def _record(out: Path, name: str) -> Path:
    return out / RECORDS / f"{name}.json"
