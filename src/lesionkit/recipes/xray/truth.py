"""What is known of radiographs that are searched: tables of run-length codes, or masks beside them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lesionkit.core.mask import encode_rle_siim
from lesionkit.core.runs import runs_of
from lesionkit.read.chest_rows import ImageRow
from lesionkit.read.chest_set import TABLES, ChestImage, chest_mask, chest_set_notes, read_chest_set
from lesionkit.read.picture import find_pictures
from lesionkit.read.truth.siim import read_siim_table
from lesionkit.read.unmatched import unmatched
from lesionkit.recipes.base import Item
from lesionkit.recipes.kind import Listed
from lesionkit.recipes.xray.settings import XrayPneumothorax


def items_of(searched: Path, truth: Path | None, settings: XrayPneumothorax) -> Listed:
    """The radiographs of a file or folder with what a table or folder of truth says, or what lies beside them.

    Raises:
        LesionkitError: there is no radiograph, or the given truth cannot be used.
    """
    del settings
    files = find_pictures(searched)
    names = {file: file.stem for file in files}
    known: dict[Path, tuple[str, dict[str, Any]]] = {}
    if truth is not None and truth.is_file():
        codes = _codes(truth)
        known = {file: ("", {"encoded": codes[name]}) for file, name in names.items() if name in codes}
    elif _holds_truth(folder := truth or searched):
        # Found by their place, for names may be told apart by folders here.
        placed = {file.absolute(): file for file in files}
        for image in read_chest_set(folder):
            file = placed.get(image.path.absolute())
            if file is not None:
                known[file] = image.patient_id, _known(image)
    nothing: tuple[str, dict[str, Any]] = ("", {})
    items = [Item(name, file, *(known.get(file, nothing))) for file, name in names.items()]
    return Listed([replace(item, known=item.known or None) for item in items], _notes(searched, truth, names.values()))


def _notes(searched: Path, truth: Path | None, names: Iterable[str]) -> Sequence[str]:
    """Which truth belongs to no radiograph; nothing is said where one file of many is searched."""
    if searched.is_file():
        return ()
    if truth is not None and truth.is_file():
        return tuple(unmatched(truth, _codes(truth), set(names), "radiograph"))
    return chest_set_notes(truth or searched) if _holds_truth(truth or searched) else ()


def item_of_row(row: ImageRow) -> Item:
    """A radiograph of a data set's table."""
    return Item(row.case_id, Path(row.path), row.patient_id, {"encoded": [row.encoded]} if row.looked_at else None)


def known_of(item: Item, shape: tuple[int, int]) -> str | None:
    """rle_siim of the lesions of a radiograph at its own size, "-1" where it is healthy; None where nobody looked.

    Args:
        shape: rows and columns.

    Raises:
        LesionkitError: a code or a mask does not fit the image.
    """
    if item.known is None:
        return None
    mask = item.known.get("mask")
    image = ChestImage(item.case_id, "", item.path, tuple(item.known.get("encoded", ())), mask and Path(mask))
    return encode_rle_siim(runs_of(chest_mask(image, shape)))


def _known(image: ChestImage) -> dict[str, Any]:
    if image.mask is not None:
        return {"mask": str(image.mask)}
    return {"encoded": list(image.encoded)} if image.encoded else {}


def _codes(table: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    frame = read_siim_table(table)
    for name, text in zip(frame["image_id"], frame["encoded"], strict=True):
        found.setdefault(name, []).append(text)
    return found


def _holds_truth(folder: Path) -> bool:
    return folder.is_dir() and (any((folder / name).is_file() for name in TABLES) or (folder / "masks").is_dir())
