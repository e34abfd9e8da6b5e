"""The slides that are searched, with the files and labels that say what is known of them."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.read.slide.set import MASK_SUFFIXES, SlideEntry, find_slides, read_slide_set, slide_set_notes
from lesionkit.read.truth.camelyon import read_slide_labels, slide_name
from lesionkit.read.truth.outlines import SUFFIXES as OUTLINE_SUFFIXES
from lesionkit.recipes.base import Item
from lesionkit.recipes.kind import Listed
from lesionkit.recipes.slide.settings import SlideMetastasis


def items_of(path: Path, truth: Path | None, settings: SlideMetastasis) -> Listed:
    """The slides of a file, a data set or a plain folder; see `Kind.items`.

    Args:
        truth: a folder of outlines or masks, one of them, or a table of labels.
    """
    del settings
    entries = _entries(path, truth)
    # Of one slide of many nothing is said of what belongs to the others.
    notes = slide_set_notes(path) if path.is_dir() and _has_table(path) else ()
    if truth is not None and not any(entry.looked_at or entry.label is not None for entry in entries):
        notes = (*notes, f"{truth} says nothing of any of the {len(entries)} slides, the first '{entries[0].slide_id}'")
    return Listed([item_of_entry(entry) for entry in entries], notes)


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
    """A slide with what a table of labels says of it, or a drawing: the given one, or that of its name in a folder."""
    if not truth.is_dir() and truth.suffix.lower() not in (*OUTLINE_SUFFIXES, *MASK_SUFFIXES):
        return replace(entry, label=read_slide_labels(truth).get(entry.slide_id))
    files = sorted(truth.iterdir()) if truth.is_dir() else [truth]
    drawn = {
        slide_name(file.name): file for file in files if file.suffix.lower() in (*OUTLINE_SUFFIXES, *MASK_SUFFIXES)
    }
    file = drawn.get(entry.slide_id)
    if file is None:
        return entry
    is_outline = file.suffix.lower() in OUTLINE_SUFFIXES
    return replace(entry, outline=file if is_outline else None, mask=None if is_outline else file)
