"""Make a data set of real radiographs with painted pneumothoraces, in the form of SIIM-ACR.

    lesionkit phantom xray --paint-on RADIOGRAPHS --lungs MASKS --out DATA --count 400

`MASKS` holds a PNG per radiograph, of its stem, size and lungs. Half of the radiographs get a pneumothorax, as a quota;
the others stay without. `DATA` gets what `phantom xray` writes, and `painted.csv`: what was painted on which file. A
patient is who the table of patients says; without one every radiograph is a patient of its own.
"""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.grey import to_grey
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.mask import encode_rle_siim
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.phantoms.xray.painting import Painted, PaintSettings, paint_radiograph
from lesionkit.read.picture import find_pictures, read_mask, read_picture
from lesionkit.read.rows import read_rows, without_index
from lesionkit.read.unmatched import unmatched
from lesionkit.recipes.base import Summary
from lesionkit.runs.fingerprint import fingerprint
from lesionkit.runs.phantom_folder import PhantomFolder
from lesionkit.write.dicom import uid_of
from lesionkit.write.radiograph import study_folders, write_radiograph
from lesionkit.write.siim import write_image_patients, write_mask, write_siim_table

TABLE, PROVENANCE = "train-rle.csv", "painted.csv"
PATIENTS = ("patients.csv", "index.csv")
"""Tables of patients that are read beside or in the folder of radiographs; the first that is there."""

MAKER = "lesionkit, painted"
"""What the header names as the maker: the chest is a patient's, the pneumothorax is not."""
_FIELD_MM = 330.0


class PaintXray(Settings):
    """What `lesionkit phantom xray --paint-on` makes."""

    paint: PaintSettings = PaintSettings()
    engine: EngineSettings = EngineSettings()


@dataclass(frozen=True)
class Source:
    """A real radiograph that can be painted on: its file, its lung mask, whose it is, width by height as it was taken
    (None: as it is)."""

    image: Path
    lungs: Path
    patient_id: str
    aspect: float | None = None


def paint_radiographs(out: Path, images: Path, lungs: Path, count: int, seed: int, settings: PaintXray) -> Summary:
    """Paint `count` pictures; radiographs are taken in turn, in an order that the seed draws.

    Raises:
        LesionkitError: no radiograph has a lung mask, or `out` holds something else.
    """
    sources, notes = find_sources(images, lungs)
    folder = PhantomFolder(out)
    plain = settings.model_dump(mode="json", exclude={"engine"})
    hashes = {name: fingerprint(path)["sha256"] for name, path in (("paint_on", images), ("lungs", lungs))}
    folder.begin("phantom xray", {"seed": seed, "settings": plain, **hashes})
    numbers = [number for number in range(count) if not folder.is_done(number)]
    function = partial(_paint_one, folder, settings, seed, sources)
    failed: dict[str, str] = {}
    for outcome in map_cases(function, numbers, settings.engine, "painting radiographs"):
        if outcome.error is not None:
            failed[source_of(sources, seed, outcome.item).image.name] = outcome.error
    done = folder.done()
    write_siim_table(out / TABLE, {image["case_id"]: [image["encoded"]] for image in done})
    write_image_patients(out / "patients.csv", {image["case_id"]: image["patient_id"] for image in done})
    _write_provenance(out / PROVENANCE, done)
    facts = {
        "radiographs": len(done),
        "patients": len({image["patient_id"] for image in done}),
        "with a painted pneumothorax": sum(image["encoded"] != "-1" for image in done),
    }
    return Summary(facts, (out,), failed, tuple(notes), cases=count)


def source_of(sources: Sequence[Source], seed: int, number: int) -> Source:
    """The radiograph that picture `number` of a set is made of: all in turn, each time in another order, so that no
    radiograph is always painted on or never."""
    turn, place = divmod(number, len(sources))
    return sources[int(np.random.default_rng([32, seed, turn]).permutation(len(sources))[place])]


def is_painted(number: int, share: float) -> bool:
    """Whether picture `number` of a set gets a pneumothorax: of the first n as many as the share says, rounded down.

    >>> [is_painted(n, 0.4) for n in range(5)]
    [False, False, True, False, True]
    """
    # In hundred thousandths, so that 0.1 is a tenth.
    parts = round(share * 100_000)
    return (number + 1) * parts // 100_000 > number * parts // 100_000


def find_sources(images: Path, lungs: Path) -> tuple[list[Source], list[str]]:
    """The radiographs that have a lung mask, and sentences on what has no counterpart.

    Raises:
        LesionkitError: there is no mask, none of a radiograph, or two radiographs of one name.
    """
    if not lungs.is_dir():
        raise LesionkitError(f"{lungs}: lung masks lie in a folder, a PNG per radiograph; there is no such folder")
    masks = {file.stem: file for file in sorted(lungs.glob("*.png"))}
    files: dict[str, Path] = {}
    for file in find_pictures(images):
        if files.setdefault(file.stem, file) is not file:
            raise LesionkitError(
                f"every radiograph needs a name of its own, but {files[file.stem]} and {file} have one"
            )
    both = [name for name in sorted(files) if name in masks]
    if not both:
        raise LesionkitError(
            f"none of {len(files)} radiographs in {images} has a mask among the {len(masks)} in {lungs}; a mask is a "
            "PNG with the name of its radiograph"
        )
    notes = unmatched(lungs, masks, files, "radiograph")
    bare = [name for name in sorted(files) if name not in masks]
    if bare:
        notes.append(f"{len(bare)} of {len(files)} radiographs have no lung mask and are left out, the first {bare[0]}")
    table = next((f for place in (images, images.parent) for f in map(place.joinpath, PATIENTS) if f.is_file()), None)
    if table is None:
        notes.append("no patients.csv tells patients: each radiograph counts as one of its own")
    known = {} if table is None else _patients(table)
    return [Source(files[n], masks[n], *known.get(n, (n, None))) for n in both], notes


def _patients(table: Path) -> dict[str, tuple[str, float | None]]:
    """Patient and aspect by image; the first column names images, others are found by their names."""
    rows = without_index(read_rows(table))
    header = [name.lower() for name in rows[0].cells] if rows else []
    if "patient_id" not in header[1:]:
        raise LesionkitError(f"{table} must have the columns image_id,patient_id, got {', '.join(header) or 'nothing'}")
    found: dict[str, tuple[str, float | None]] = {}
    for row in rows[1:]:
        cells = dict(zip(header, row.cells, strict=False))
        width, height = (_number(cells.get(f"original_{name}", "")) for name in ("width", "height"))
        found[row.cells[0]] = cells.get("patient_id") or row.cells[0], width / height if width and height else None
    return found


def _number(text: str) -> float:
    try:
        return max(float(text), 0.0)
    except ValueError:
        return 0.0


def _paint_one(folder: PhantomFolder, settings: PaintXray, seed: int, sources: Sequence[Source], number: int) -> None:
    source = source_of(sources, seed, number)
    image = read_picture(source.image).image
    lungs = read_mask(source.lungs, image.grid.shape)
    positive = is_painted(number, settings.paint.positive_share)
    # One stream of seeds per data set, as for projections.
    own = seed * 1_000_003 + number
    painted = paint_radiograph(
        to_grey(image.read(image.grid.whole)), lungs, own, positive, settings.paint, source.aspect
    )
    case = _case(painted, source, str(uid_of("painted", str(seed), str(number), source.image.stem)))
    study, series = study_folders(case)
    write_radiograph(case, folder.path / "dicom" / study / series / f"{case.case_id}.dcm")
    write_mask(folder.path / "lungs" / f"{case.case_id}.png", painted.lungs)
    mark: Mapping[str, Any] = {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "encoded": encode_rle_siim(painted.lesion),
        "source": source.image.name,
        "sha256": fingerprint(source.image)["sha256"],
        "seed": own,
        **painted.facts,
    }
    folder.finish(number, mark)


def _case(painted: Painted, source: Source, name: str) -> Case:
    pixel_mm = _FIELD_MM / len(painted.picture)
    grid = Grid.upright(painted.picture.shape, (pixel_mm, pixel_mm))
    return Case(name, source.patient_id, ArrayImage(grid, painted.picture), facts={"manufacturer": MAKER})


def _write_provenance(path: Path, done: Sequence[Mapping[str, Any]]) -> None:
    columns = ("case_id", "patient_id", "source", "sha256", "seed", "kind", "side", "gap", "line", "dark", "framed")
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([image.get(name, "") for name in columns] for image in done)
    write_text(path, text.getvalue())
