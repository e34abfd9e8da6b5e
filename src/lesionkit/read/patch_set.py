"""A folder of labelled patches, as PatchCamelyon has them: pictures of one size, each with or without tumour."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from lesionkit.core.errors import LesionkitError
from lesionkit.read.rows import read_rows
from lesionkit.read.unmatched import unmatched

_PICTURES, _TIFF = (".png", ".jpg", ".jpeg"), (".tif", ".tiff")
_SUFFIXES = (*_PICTURES, *_TIFF)
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
        path = self.paths[number]
        try:
            with Picture.open(path) as picture:
                return np.asarray(picture.convert("RGB"))
        except (OSError, UnidentifiedImageError) as error:
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
    pairs, named = [], []
    for number, cells in read_rows(table)[1:]:
        name, word = (cells[0], cells[1].lower()) if len(cells) > 1 else (cells[0], "")
        if word not in _WORDS:
            raise LesionkitError(f"{table}, row {number}: a label must be 0 or 1, got '{word}' for '{name}'")
        stem = name if name in files else Path(name).stem
        named.append(stem)
        if stem in files:
            pairs.append((files[stem], _WORDS[word]))
    if not pairs:
        first = f", the first '{named[0]}'" if named else ""
        raise LesionkitError(f"{table}: none of its {len(named)} rows names a picture of {folder}{first}")
    return pairs, unmatched(table, named, files, "picture")


def _from_folders(folder: Path) -> list[tuple[Path, bool]]:
    return [(file, _FOLDERS[name]) for name in _class_folders(folder) for file in sorted(_files(folder / name))]


def _class_folders(folder: Path) -> list[str]:
    return [name for name in _FOLDERS if (folder / name).is_dir()]
