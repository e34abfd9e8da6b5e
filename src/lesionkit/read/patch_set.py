"""A folder of patches, as PatchCamelyon has them: pictures of one size, each with or without tumour, or unlabelled."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads
from lesionkit.read.rows import read_rows
from lesionkit.read.slide.suffixes import SUFFIXES
from lesionkit.read.unmatched import unmatched

_PICTURES, _TIFF = (".png", ".jpg", ".jpeg"), (".tif", ".tiff")
_SUFFIXES = (*_PICTURES, *_TIFF)
_OF_SLIDES = ("slides", "masks", "mask", "annotations")
_TABLES = ("labels.csv", "train_labels.csv")
_LARGEST, _TILE_WIDTH = 1024, 322
_FOLDERS = {"0": False, "negative": False, "normal": False, "1": True, "positive": True, "tumor": True, "tumour": True}
_WORDS = {**_FOLDERS, "0.0": False, "1.0": True}


@dataclass(frozen=True, eq=False)
class PatchSet:
    """Labelled patches on disk, read one at a time.

    Attributes:
        names: of the patches, without suffix.
        paths: their pictures.
        labels: (n,) whether the centre holds tumour.
        notes: rows without a picture, in sentences.
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: NDArray[np.bool_]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def image(self, number: int) -> NDArray[np.uint8]:
        """uint8 RGB (rows, columns, 3) of one patch.

        Raises:
            LesionkitError: the picture cannot be read.
        """
        return read_patch(self.paths[number])


@reads("a picture of a patch")
def read_patch(path: Path) -> NDArray[np.uint8]:
    """uint8 RGB (rows, columns, 3) of one picture.

    Raises:
        LesionkitError: it cannot be read.
    """
    try:
        with Picture.open(path) as picture:
            if picture.format == "PNG":
                # Compares its sums, and closes it.
                picture.verify()
        with Picture.open(path) as picture:
            return np.asarray(picture.convert("RGB"))
    except (OSError, UnidentifiedImageError, Picture.DecompressionBombError) as error:
        raise LesionkitError(f"{path} must be a readable picture, got {error}; copy it again") from error


@reads("a picture of a patch")
def patch_size(path: Path) -> tuple[int, int]:
    """(rows, columns) of a picture, from its header.

    Raises:
        LesionkitError: it cannot be read.
    """
    try:
        with Picture.open(path) as picture:
            return picture.height, picture.width
    except (OSError, UnidentifiedImageError, Picture.DecompressionBombError) as error:
        raise LesionkitError(f"{path} must be a readable picture, got {error}; copy it again") from error


def is_patch_set(folder: Path) -> bool:
    """Whether a folder holds labelled patches: a table of labels beside pictures, or folders of the two classes.

    A TIFF is a patch if it is small and has no tiles; else it is a slide.
    """
    folder = Path(folder)
    table = _table(folder)
    if table is not None:
        return _holds_patches(_beside(table))
    return {_FOLDERS[name] for name in _class_folders(folder) if _holds_patches(folder / name)} == {False, True}


def holds_patches(path: Path) -> bool:
    """Whether a file or folder is of patches, labelled or not: small pictures, and no slide among or below them."""
    path = Path(path)
    if path.is_file():
        return path.suffix.lower() in _PICTURES
    if not path.is_dir():
        return False
    if is_patch_set(path):
        return True
    slides = {file.suffix.lower() for file in path.iterdir() if file.is_file()} & {*SUFFIXES} - {*_TIFF}
    return not slides and not any((path / name).is_dir() for name in _OF_SLIDES) and _holds_patches(path)


@dataclass(frozen=True, eq=False)
class FoundPatches:
    """Patches on disk, labelled or not.

    Attributes:
        paths: their pictures, by name.
        labels: whether the centre holds tumour, of those of which somebody says it.
        notes: labels without a patch and patches without a label, counted, in sentences.
    """

    paths: Mapping[str, Path]
    labels: Mapping[str, bool]
    notes: tuple[str, ...] = ()


def list_patches(path: Path, truth: Path | None = None) -> FoundPatches:
    """The patches of a file or folder, with what is known of them; in the layouts of `read_patch_set`, or unlabelled.

    Args:
        truth: a table of labels (id,label) that lies elsewhere.

    Raises:
        LesionkitError: there is no picture, or a label is not 0 or 1.
    """
    path = Path(path)
    table = truth if truth is not None else _table(path) if path.is_dir() else None
    if table is None and path.is_dir() and is_patch_set(path):
        pairs = _from_folders(path)
        names = {file: f"{file.parent.name}/{file.stem}" for file, _ in pairs}
        return FoundPatches({names[file]: file for file, _ in pairs}, {names[file]: label for file, label in pairs})
    folder = _beside(table) if table is not None and truth is None else path
    files = [path] if path.is_file() else sorted(_files(folder))
    if not files:
        raise LesionkitError(f"{folder} must hold patches ({', '.join(_SUFFIXES)}), but there is none")
    stems = Counter(file.stem for file in files)
    paths = {file.stem if stems[file.stem] == 1 else file.name: file for file in files}
    if table is None:
        return FoundPatches(paths, {})
    labels, named = _labels(table, paths)
    notes = unmatched(table, named, paths, "picture")
    unknown = [name for name in paths if name not in labels]
    if unknown and path.is_dir():
        notes.append(f"{len(unknown)} of {len(paths)} patches have no label in {table}, the first '{unknown[0]}'")
    return FoundPatches(paths, labels, tuple(notes) if path.is_dir() else ())


@reads("a folder of patches")
def read_patch_set(folder: Path) -> PatchSet:
    """The labelled patches of a folder; pictures are not read yet.

    Either `labels.csv` or Kaggle's `train_labels.csv` (id,label of 0 or 1) lies beside pictures named by id, or beside
    a folder `train` or `images` of them; or the pictures lie in folders named 0 and 1, negative and positive, or normal
    and tumor. Rows without a picture are left out, and `notes` say so.

    Raises:
        LesionkitError: neither, no row that has a picture, a label that is not 0 or 1, or patches of one class only.
    """
    folder = Path(folder)
    table = _table(folder)
    pairs, notes = (_from_folders(folder), []) if table is None else _from_table(table)
    labels = np.array([label for _, label in pairs], dtype=bool)
    if labels.all() or not labels.any():
        raise LesionkitError(
            f"{folder} must hold labelled patches with and without tumour, got {int(labels.sum())} with and "
            f"{int((~labels).sum())} without"
        )
    names = [path.stem for path, _ in pairs]
    if len(set(names)) < len(names):
        # Folders of the two classes may number their patches alike.
        names = [f"{path.parent.name}/{path.stem}" for path, _ in pairs]
    return PatchSet(tuple(names), tuple(path for path, _ in pairs), labels, tuple(notes))


def joined_sets(sets: Sequence[PatchSet]) -> PatchSet:
    """Several folders as one; where there are more than one, names begin with a number for theirs."""
    if len(sets) == 1:
        return sets[0]
    return PatchSet(
        tuple(f"{number}/{name}" for number, one in enumerate(sets) for name in one.names),
        tuple(path for one in sets for path in one.paths),
        np.concatenate([one.labels for one in sets]),
        tuple(note for one in sets for note in one.notes),
    )


def _table(folder: Path) -> Path | None:
    return next((folder / name for name in _TABLES if (folder / name).is_file()), None)


def _beside(table: Path) -> Path:
    """Where the pictures of a table lie: beside it, or in a folder beside it."""
    folders = (table.parent, table.parent / "train", table.parent / "images")
    return next((folder for folder in folders if folder.is_dir() and next(_files(folder), None)), table.parent)


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in folder.iterdir() if file.suffix.lower() in _SUFFIXES)


def _holds_patches(folder: Path) -> bool:
    first = next(_files(folder), None)
    if first is None or first.suffix.lower() in _PICTURES:
        return first is not None
    try:
        with Picture.open(first) as picture:
            tags = getattr(picture, "tag_v2", {})
            return max(picture.size) <= _LARGEST and _TILE_WIDTH not in tags and getattr(picture, "n_frames", 1) == 1
    except (OSError, UnidentifiedImageError, Picture.DecompressionBombError):
        return False


def _from_table(table: Path) -> tuple[list[tuple[Path, bool]], list[str]]:
    folder = _beside(table)
    files = {file.stem: file for file in sorted(_files(folder))}
    labels, named = _labels(table, files)
    if not labels:
        first = f", the first '{named[0]}'" if named else ""
        raise LesionkitError(f"{table}: none of its {len(named)} rows names a picture of {folder}{first}")
    return [(files[name], label) for name, label in labels.items()], unmatched(table, named, files, "picture")


def _labels(table: Path, files: Mapping[str, Path]) -> tuple[dict[str, bool], list[str]]:
    """Labels by the names of pictures, and all names of the table."""
    labels, named = dict[str, bool](), list[str]()
    for number, cells in read_rows(table)[1:]:
        name, word = (cells[0], cells[1].lower()) if len(cells) > 1 else (cells[0], "")
        if word not in _WORDS:
            raise LesionkitError(f"{table}, row {number}: a label must be 0 or 1, got '{word}' for '{name}'")
        named.append(name if name in files else Path(name).stem)
        if named[-1] in files:
            labels[named[-1]] = _WORDS[word]
    return labels, named


def _from_folders(folder: Path) -> list[tuple[Path, bool]]:
    return [(file, _FOLDERS[name]) for name in _class_folders(folder) for file in sorted(_files(folder / name))]


def _class_folders(folder: Path) -> list[str]:
    return [name for name in _FOLDERS if (folder / name).is_dir()]
