"""The slides that are searched, with the files and labels that say what is known of them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.read.slide.set import SlideEntry, find_slides, read_slide_set, slide_set_notes
from lesionkit.read.truth.camelyon import read_slide_labels, slide_name
from lesionkit.read.truth.outlines import SUFFIXES as OUTLINE_SUFFIXES
from lesionkit.recipes.base import Item
from lesionkit.recipes.kind import Listed
from lesionkit.recipes.slide.settings import SlideMetastasis


def items_of(path: Path, truth: Path | None, settings: SlideMetastasis) -> Listed:
    """The slides of a file, a data set or a plain folder; see `Kind.items`.

    Args:
        truth: a folder of outlines or masks, or a table of labels.
    """
    del settings
    items = [item_of_entry(entry) for entry in _entries(path, truth)]
    # Of one slide of many nothing is said of what belongs to the others.
    return Listed(items, slide_set_notes(path) if path.is_dir() and _has_table(path) else ())


def _has_table(path: Path) -> bool:
    return any((path / part / "labels.csv").is_file() for part in (".", "train"))


def item_of_entry(entry: SlideEntry) -> Item:
    """A slide of a data set. Inverse of `entry_of`."""
    files = {name: str(file) for name, file in (("outline", entry.outline), ("mask", entry.mask)) if file is not None}
    known: Mapping[str, Any] = {"label": entry.label, **files}
    return Item(entry.slide_id, entry.path, entry.patient_id, known if files or entry.label is not None else None)


def entry_of(item: Item) -> SlideEntry:
    """A slide with the files that say what is known of it."""
    known = item.known or {}
    outline, mask = (Path(known[name]) if name in known else None for name in ("outline", "mask"))
    return SlideEntry(item.case_id, item.patient_id, item.path, known.get("label"), outline, mask)


def _entries(path: Path, truth: Path | None) -> list[SlideEntry]:
    """The slides of a file, a data set or a plain folder, with what is known of them."""
    if path.is_dir():
        entries = _of_folder(path)
    else:
        # A slide of a data set lies in DATA/slides, with masks and outlines beside that folder.
        beside = _of_folder(path.parent.parent, quiet=True) if path.parent.name in ("slides", "images", "image") else []
        file = find_slides(path)[0]
        known = next((entry for entry in beside if entry.path.resolve() == file.resolve()), None)
        entries = [known or SlideEntry(slide_name(file.name), slide_name(file.name), file)]
    return [_with_truth(entry, truth) for entry in entries] if truth is not None else entries


def _of_folder(path: Path, quiet: bool = False) -> list[SlideEntry]:
    try:
        return list(read_slide_set(path))
    except LesionkitError:
        if quiet:
            return []
        if _has_table(path):
            # What is said of the slides is meant to be used.
            raise
        files = find_slides(path)
    return [SlideEntry(slide_name(file.name), slide_name(file.name), file) for file in files]


def _with_truth(entry: SlideEntry, truth: Path) -> SlideEntry:
    """A slide with what a folder of drawings, or a table of labels, says of it."""
    if not truth.is_dir():
        labels = read_slide_labels(truth)
        return SlideEntry(
            entry.slide_id, entry.patient_id, entry.path, labels.get(entry.slide_id), entry.outline, entry.mask
        )
    drawn = {slide_name(file.name): file for file in sorted(truth.iterdir()) if file.is_file()}
    file = drawn.get(entry.slide_id)
    if file is None:
        return entry
    is_outline = file.suffix.lower() in OUTLINE_SUFFIXES
    outline, mask = (file, None) if is_outline else (None, file)
    return SlideEntry(entry.slide_id, entry.patient_id, entry.path, entry.label, outline, mask)
