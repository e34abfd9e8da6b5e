"""What would be read of a path, and what is known of it: images by their headers, truth by the tables beside them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.read.chest_set import TABLES, read_chest_set
from lesionkit.read.look import look
from lesionkit.read.options import ScanOptions
from lesionkit.read.seen import Seen
from lesionkit.read.slide.set import MASKS, OUTLINES, read_slide_set
from lesionkit.read.slide.whole import SlideOptions
from lesionkit.read.truth.beside import tables_beside
from lesionkit.read.truth.lidc_xml import read_lidc_file

RECIPES = {"ct": "ct-nodule", "radiograph": "xray-pneumothorax", "slide": "slide-metastasis"}
"""Kind of image -> the recipe that searches it."""


@dataclass(frozen=True)
class Told:
    """What there is at a path.

    Attributes:
        cases: images that a recipe reads, usable or not.
        others: images that none reads, each with its reason.
        truth: what is known of a case, by its path and id; no entry where nobody looked.
        sources: files and folders that truth came from.
        problems: sentences on truth that cannot be used.
    """

    path: Path
    cases: tuple[Seen, ...]
    others: tuple[Seen, ...]
    truth: Mapping[tuple[Path, str], str]
    sources: tuple[Path, ...]
    problems: tuple[str, ...]

    @property
    def failed(self) -> dict[str, str]:
        """Path and id of the images that cannot be used, with a sentence that names the path."""
        return {
            f"{case.path} ({case.case_id})": reason if str(case.path) in reason else f"{case.path}: {reason}"
            for case in self.cases
            if (reason := case.failure)
        }

    def as_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "path": str(self.path),
            "cases": [_plain(case) | {"truth": self.truth.get((case.path, case.case_id))} for case in self.cases],
            "others": [_plain(other) for other in self.others],
            "truth": [str(source) for source in self.sources],
            "problems": list(self.problems),
        }


def tell(path: Path, truth: Path | None = None, scans: ScanOptions | None = None, um: float | None = None) -> Told:
    """Look at a file or folder; no pixel is read and nothing is written.

    Args:
        truth: a table of lesions in LUNA16's form; default: what lies beside the images.
        um: µm per pixel of slides that do not say it.

    Raises:
        LesionkitError: there is nothing at the path that looks like an image, or a run folder.
    """
    if (path / "run.json").is_file():
        raise LesionkitError(f"{path} is a run folder, not images; 'lesionkit status {path}' tells how far it is")
    found = look(path, scans, SlideOptions(mpp=um))
    cases = tuple(one for one in found if one.kind != "other")
    known: dict[tuple[Path, str], str] = {}
    sources: list[Path] = []
    problems: list[str] = []
    for kind, read in (("ct", _of_scans), ("radiograph", _of_radiographs), ("slide", _of_slides)):
        mine = [case for case in cases if case.kind == kind]
        if mine:
            try:
                told, files = read(path, truth, mine)
            except LesionkitError as error:
                problems.append(" ".join(str(error).split()))
            else:
                known |= told
                sources += files
    others = tuple(one for one in found if one.kind == "other")
    return Told(path, cases, others, known, tuple(dict.fromkeys(sources)), tuple(problems))


_Known = tuple[dict[tuple[Path, str], str], list[Path]]


def _of_scans(path: Path, truth: Path | None, cases: Sequence[Seen]) -> _Known:
    tables = tables_beside(path if path.is_dir() else path.parent, truth)
    known = {
        (c.path, c.case_id): _lesions(len(tables.lesions[c.case_id])) for c in cases if c.case_id in tables.lesions
    }
    sources = [tables.lesions_file] if known else []
    for case in cases:
        folder = case.path if case.path.is_dir() else case.path.parent
        for file in (file for place in (folder, folder.parent) for file in sorted(place.glob("*.xml"))):
            if case.format == "dicom" and (case.path, case.case_id) not in known and _is_reading(file, case.case_id):
                known[case.path, case.case_id] = "read by LIDC's readers"
                sources.append(file)
    return known, sources


def _is_reading(file: Path, series_uid: str) -> bool:
    try:
        return read_lidc_file(file).series_uid == series_uid
    except LesionkitError:
        return False


def _of_radiographs(path: Path, truth: Path | None, cases: Sequence[Seen]) -> _Known:
    del truth
    data = _data_set(path, (*TABLES, "masks"))
    # Radiographs without any truth are no fault.
    images = {image.path: image for image in read_chest_set(data)} if data is not None else {}
    known = {
        (case.path, case.case_id): "healthy" if set(image.encoded) <= {"-1"} and image.mask is None else "mask"
        for case in cases
        if (image := images.get(case.path)) is not None and image.looked_at
    }
    return known, [data] if data is not None and known else []


def _of_slides(path: Path, truth: Path | None, cases: Sequence[Seen]) -> _Known:
    del truth
    data = path if path.is_dir() else _data_set(path, ("labels.csv", *MASKS, *OUTLINES))
    entries = {entry.path: entry for entry in read_slide_set(data)} if data is not None else {}
    known, sources = {}, []
    for case in cases:
        entry = entries.get(case.path)
        if entry is None or (entry.label is None and entry.annotation is None):
            continue
        drawn = entry.annotation
        word = {True: "tumour", False: "normal", None: "unlabelled"}[entry.label]
        known[case.path, case.case_id] = f"{word}, drawn in {drawn.name}" if drawn else word
        sources.append(drawn or data or path)
    return known, sources


def _data_set(path: Path, names: Sequence[str]) -> Path | None:
    """The folder with one of these names in it: the path itself, or one of the two above."""
    places = (path, *path.absolute().parents[:2])
    return next((place for place in places if any((place / name).exists() for name in names)), None)


def _lesions(count: int) -> str:
    return {0: "healthy", 1: "1 lesion"}.get(count, f"{count} lesions")


def _plain(seen: Seen) -> dict[str, Any]:
    values = asdict(seen) | {"path": str(seen.path)}
    facts: dict[str, Any] = values.pop("facts")
    return values | facts


def lines_of(case: Seen) -> Iterator[tuple[str, str]]:
    """What is told of one image, as names and words for people."""
    facts = case.facts
    yield "kind", f"{case.kind}, {case.format}" + (f" ({facts['coding']})" if facts.get("coding") else "")
    yield "case", case.case_id
    yield "patient", case.patient_id
    if "series" in facts:
        series = facts["series"]
        yield "series", " ".join(str(v) for v in (series["number"], series["description"]) if v not in (None, ""))
    yield "body part", str(facts.get("body_part") or "")
    yield "size", _by(case.size)
    if "levels" in facts:
        yield "µm per pixel", f"{facts['um_per_pixel']:g} ({facts['um_from']})"
        yield "levels", ", ".join(f"{_by(level['size'])} at {level['um']:g}" for level in facts["levels"])
    elif case.size:
        yield "spacing", f"{_by(case.spacing_mm)} mm" if case.spacing_mm else "unknown"
    yield "orientation", str(facts.get("orientation") or "")
    if "patches" in facts:
        yield "patches", f"{facts['patches']}, {facts['with_tumour']} with tumour"


def _by(values: Sequence[float]) -> str:
    """Numbers as people say sizes: "133 × 512 × 512"."""
    return " × ".join(f"{value:.5g}" if isinstance(value, float) else str(value) for value in values)
