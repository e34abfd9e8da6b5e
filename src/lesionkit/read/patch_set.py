"""A folder of labelled patches, as PatchCamelyon has them: pictures of one size, each with or without tumour."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import UnidentifiedImageError

from lesionkit.core.errors import LesionkitError

_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff")
_FOLDERS = {"0": False, "negative": False, "normal": False, "1": True, "positive": True, "tumor": True, "tumour": True}
_WORDS = {**_FOLDERS, "0.0": False, "1.0": True}


@dataclass(frozen=True, eq=False)
class PatchSet:
    """Labelled patches on disk, read one at a time.

    Attributes:
        names: of the patches, without suffix.
        paths: their pictures.
        labels: (n,) whether the centre holds tumour.
    """

    names: tuple[str, ...]
    paths: tuple[Path, ...]
    labels: NDArray[np.bool_]

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
    """Whether a folder holds labelled patches: `labels.csv` beside pictures, or folders of the two classes."""
    folder = Path(folder)
    if (folder / "labels.csv").is_file():
        return any(file.suffix.lower() in _SUFFIXES[:3] for file in folder.iterdir())
    held = {
        _FOLDERS[name]
        for name in _class_folders(folder)
        if any(file.suffix.lower() in _SUFFIXES[:3] for file in (folder / name).iterdir())
    }
    return held == {False, True}


def read_patch_set(folder: Path) -> PatchSet:
    """The labelled patches of a folder; pictures are not read yet.

    Either `labels.csv` (id,label of 0 or 1) lies beside pictures named by id, or the pictures lie in folders named 0
    and 1, negative and positive, or normal and tumor.

    Raises:
        LesionkitError: neither, a label without picture, a label that is not 0 or 1, or patches of one class only.
    """
    folder = Path(folder)
    table = folder / "labels.csv"
    pairs = _from_table(folder, table) if table.is_file() else _from_folders(folder)
    labels = np.array([label for _, label in pairs], dtype=bool)
    if labels.all() or not labels.any():
        raise LesionkitError(
            f"{folder} must hold labelled patches with and without tumour, got {int(labels.sum())} with and "
            f"{int((~labels).sum())} without"
        )
    return PatchSet(tuple(path.stem for path, _ in pairs), tuple(path for path, _ in pairs), labels)


def _from_table(folder: Path, table: Path) -> list[tuple[Path, bool]]:
    files = {file.stem: file for file in sorted(folder.iterdir()) if file.suffix.lower() in _SUFFIXES}
    try:
        with table.open(newline="", encoding="utf-8-sig") as lines:
            rows = [row for row in csv.reader(lines) if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LesionkitError(f"cannot read {table}: {error}; give a CSV file") from error
    pairs = []
    for number, row in enumerate(rows[1:], start=2):
        name, word = (row[0].strip(), row[1].strip().lower()) if len(row) > 1 else (row[0], "")
        if word not in _WORDS:
            raise LesionkitError(f"{table}, row {number}: a label must be 0 or 1, got '{word}' for '{name}'")
        if Path(name).stem not in files and name not in files:
            raise LesionkitError(f"{table}, row {number}: there is no picture of '{name}' in {folder}")
        pairs.append((files.get(name) or files[Path(name).stem], _WORDS[word]))
    return pairs


def _from_folders(folder: Path) -> list[tuple[Path, bool]]:
    return [
        (file, _FOLDERS[name])
        for name in _class_folders(folder)
        for file in sorted((folder / name).iterdir())
        if file.suffix.lower() in _SUFFIXES
    ]


def _class_folders(folder: Path) -> list[str]:
    return [name for name in _FOLDERS if (folder / name).is_dir()]
