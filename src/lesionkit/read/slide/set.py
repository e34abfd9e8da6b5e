"""A folder of slides with what is known of them: the layouts of CAMELYON, of the HeLP challenge and of our phantoms."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from lesionkit.core.errors import LesionkitError
from lesionkit.read.patch_set import is_patch_set
from lesionkit.read.slide.suffixes import SUFFIXES
from lesionkit.read.truth.camelyon import read_slide_labels, slide_name
from lesionkit.read.truth.outlines import SUFFIXES as OUTLINE_SUFFIXES
from lesionkit.read.truth.slide_tables import read_patients_table, read_slide_patients
from lesionkit.read.unmatched import unmatched

_SLIDES = ("slides", "images", "image")
MASKS = ("masks", "mask")
OUTLINES = ("annotations", "lesion_annotations")
"""Folders of drawn tumour: reduced masks, and outlines."""
_POSITIVE = {"positive", "tumor", "tumour"}
_NEGATIVE = {"negative", "normal", "healthy"}
MASK_SUFFIXES = (".png", ".tif", ".tiff", ".npy")


@dataclass(frozen=True)
class SlideEntry:
    """One slide of a data set, not yet opened.

    Attributes:
        label: whether it holds tumour; None where nobody said.
        outline: a file of outlines in pixels of the finest level (XML, JSON, GeoJSON), or None.
        mask: a file with its tumour at reduced size, or None.
    """

    slide_id: str
    patient_id: str
    path: Path
    label: bool | None = None
    outline: Path | None = None
    mask: Path | None = None

    @property
    def annotation(self) -> Path | None:
        """Where its tumour is drawn; outlines are finer than masks."""
        return self.outline or self.mask

    @property
    def looked_at(self) -> bool:
        """Whether the places of all its tumour are known: drawn, or known to be none."""
        return self.annotation is not None or self.label is False


def read_slide_set(data: Path) -> tuple[SlideEntry, ...]:
    """The slides of a data set by name; no slide is opened.

    Slides lie in `slides`, `images` or `image` (or anywhere below), tumour masks in `masks` or `mask`, outlines in
    `annotations` or `lesion_annotations`, of the folder or of `train` in it. Whether a slide holds tumour is told by
    `labels.csv` (slide,label), else by the folder it lies in: positive or tumor, negative or normal; else by what is
    drawn. `patients.csv` (slide,patient_id) names patients; without it each slide is a patient.

    Raises:
        LesionkitError: no slide, two slides or drawings of one name, a table that cannot be used.
    """
    return _read(data)[0]


def slide_set_notes(data: Path) -> tuple[str, ...]:
    """Rows of the tables of a data set and drawings that belong to no slide, in sentences.

    Raises:
        LesionkitError: as `read_slide_set`.
    """
    return _read(data)[1]


def _read(data: Path) -> tuple[tuple[SlideEntry, ...], tuple[str, ...]]:
    _refuse_patches(data)
    root = data / "train" if (data / "train").is_dir() else data
    files = _by_name(find_slides(_first(root, _SLIDES) or root), "slide")
    outlines = _by_name(_below(root, OUTLINES, OUTLINE_SUFFIXES), "outline")
    masks = _by_name(_below(root, MASKS, MASK_SUFFIXES), "mask")
    table = _table(data, root, "labels.csv")
    labels = read_slide_labels(table) if table else {}
    people = _table(data, root, "patients.csv")
    patients = {**(read_slide_patients(table) if table else {}), **(read_patients_table(people) if people else {})}
    sources = [(table, list(labels)), (people, list(patients) if people else [])]
    sources += [(_first(root, OUTLINES), list(outlines)), (_first(root, MASKS), list(masks))]
    notes = [note for source, named in sources if source for note in unmatched(source, named, files, "slide")]
    entries = tuple(
        SlideEntry(
            name,
            patients.get(name, name),
            file,
            labels[name] if name in labels else _label_of(file, root),
            outlines.get(name),
            masks.get(name),
        )
        for name, file in sorted(files.items())
    )
    return entries, tuple(notes)


def find_slides(path: Path) -> list[Path]:
    """One slide, or the slides anywhere below a folder; drawings beside them are left out.

    Raises:
        LesionkitError: there is none.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise LesionkitError(f"there is no file or folder {path}; check the spelling")
    _refuse_patches(path)
    found = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in SUFFIXES and file.is_file() and not _is_beside(file.relative_to(path))
    ]
    found = _one_per_dicom(found)
    if not found:
        raise LesionkitError(f"{path} must hold whole slides ({', '.join(SUFFIXES)}), but there is none")
    return found


def _refuse_patches(folder: Path) -> None:
    if folder.is_dir() and is_patch_set(folder):
        raise LesionkitError(
            f"{folder} must hold whole slides, but holds labelled patches: 'lesionkit find' scores them, 'run' and "
            "'train' learn from them, and there is nothing to index"
        )


def _is_beside(file: Path) -> bool:
    """Whether a file is hidden, a drawing, or a part of a slide that lies in a folder of its own."""
    folders = {part.lower() for part in file.parts[:-1]}
    drawn = folders & {*MASKS, *OUTLINES} or file.stem.lower().endswith(("_mask", "_annotations"))
    return bool(drawn) or any(part.startswith(".") for part in file.parts)


def _one_per_dicom(files: Sequence[Path]) -> list[Path]:
    """The DICOM files of a folder are the levels of one slide; OpenSlide opens it by any of them."""
    seen: set[Path] = set()
    kept = []
    for file in files:
        if file.suffix.lower() != ".dcm":
            kept.append(file)
        elif file.parent not in seen:
            seen.add(file.parent)
            kept.append(file)
    return kept


def _below(root: Path, folders: Iterable[str], suffixes: Sequence[str]) -> list[Path]:
    return [file for name in folders for file in sorted((root / name).rglob("*")) if file.suffix.lower() in suffixes]


def _first(root: Path, folders: Iterable[str]) -> Path | None:
    return next((root / name for name in folders if (root / name).is_dir()), None)


def _by_name(files: Iterable[Path], kind: str) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in files:
        name = file.parent.name if file.suffix.lower() == ".dcm" else slide_name(file.name)
        if name in found:
            raise LesionkitError(
                f"every slide has one {kind}, but {found[name]} and {file} are both '{name}'; keep one"
            )
        found[name] = file
    return found


def _label_of(file: Path, root: Path) -> bool | None:
    words = {part.lower() for part in file.relative_to(root).parts[:-1]}
    if bool(words & _POSITIVE) == bool(words & _NEGATIVE):
        return None
    return bool(words & _POSITIVE)


def _table(data: Path, root: Path, name: str) -> Path | None:
    return next((folder / name for folder in (root, data) if (folder / name).is_file()), None)
