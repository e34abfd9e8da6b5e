"""Slides -> scores, marks, maps, outlines and a page; and the whole flow from a data set to a scored report."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.read.patch_set import is_patch_set
from lesionkit.read.slide.set import SlideEntry, find_slides, read_slide_set, slide_set_notes
from lesionkit.read.truth.camelyon import read_slide_labels, slide_name
from lesionkit.read.truth.outlines import SUFFIXES as OUTLINE_SUFFIXES
from lesionkit.recipes.base import FindRequest, Summary
from lesionkit.recipes.slide.data import VALIDATION, first_of
from lesionkit.recipes.slide.page import write_results
from lesionkit.recipes.slide.search import (
    RECORDS,
    FoundSlide,
    adopt,
    load_committee,
    read_record,
    record_file,
    search_all,
)
from lesionkit.recipes.slide.settings import SlideMetastasis, model_of_run, model_path
from lesionkit.recipes.splits import SPLITS
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.split import Splits, read_splits


def find(run: RunFolder, request: FindRequest, settings: SlideMetastasis) -> Summary:
    """See `Recipe.find`; `request.truth` is a folder of outlines or masks, or a table of labels."""
    entries = _entries(request.input, request.truth)
    model = model_path(request.model)
    found, failed = _search(run, entries, settings, model)
    summary = write_results(run, _ordered(found, entries), failed, settings, model)
    return replace(summary, warnings=(*_notes(request.input), *summary.warnings))


def report(run: RunFolder, settings: SlideMetastasis) -> Summary:
    """See `Recipe.report`: from the records and maps of the run; slides are read again for the pictures."""
    stage = run.record["stages"].get("find", {})
    records = sorted((run.path / RECORDS).glob("*.json"))
    if not records or stage.get("state") != "done":
        raise LesionkitError(
            f"{run.path} holds no finished search; repeat the command that began it, and it goes on where it stopped"
        )
    inputs = run.record["inputs"]
    data = Path(inputs["input" if "input" in inputs else "data"]["path"])
    truth = Path(inputs["truth"]["path"]) if "truth" in inputs else None
    entries = {entry.slide_id: entry for entry in _entries(data, truth)}
    found = [read_record(record) for record in records]
    pairs = [(one, entries.get(one.slide_id) or SlideEntry(one.slide_id, one.slide_id, one.path)) for one in found]
    model = model_of_run(run.path)
    model = model if model.is_file() else _model_of(run)
    return write_results(run, pairs, dict(stage["facts"]["failed"]), settings, model)


def run(run: RunFolder, data: Path, settings: SlideMetastasis) -> Summary:
    """See `Recipe.run`: tissue, patches, statistics, training, search of the test slides (or else of the validation
    slides), score, report. A folder of labelled patches is trained on and scored as patches."""
    from lesionkit.recipes.slide.patch_run import score_labelled
    from lesionkit.recipes.slide.train import train

    trained = train(run, data, settings, None)
    if is_patch_set(data):
        return score_labelled(run, data, settings, trained)
    entries = {entry.slide_id: entry for entry in read_slide_set(data)}
    splits = read_splits(run.path / SPLITS, {name: entry.patient_id for name, entry in entries.items()})
    shown, part = _searched_part(run, splits, entries)
    model = model_of_run(run.path)
    unseen = splits.folds and "test" not in splits.parts
    found, failed = _search(run, shown, settings, model, learning=True, unseen=bool(unseen))
    summary = write_results(run, _ordered(found, shown), failed, settings, model)
    return Summary(
        facts={**trained.facts, "searched": part, **summary.facts},
        paths=(*summary.paths, *trained.paths),
        failed={**trained.failed, **summary.failed},
        warnings=tuple(dict.fromkeys((*trained.warnings, *run.warnings, *summary.warnings))),
        cases=trained.cases,
    )


def _searched_part(run: RunFolder, splits: Splits, entries: Mapping[str, SlideEntry]) -> tuple[list[SlideEntry], str]:
    if splits.folds and "test" not in splits.parts:
        run.warn(
            "what is scored are all slides, each searched by the networks that have not learned from it; scores were "
            "fitted on them"
        )
        held = [entries[name] for fold in splits.folds for name in splits[fold]]
        return held, f"{len(held)} slides of {len(splits.folds)} folds"
    for part, sentence in (
        ("test", ""),
        ("validation", "there is no test part: what is scored is the validation part, on which scores were fitted"),
        ("train", "there is no test and no validation part: what is scored was learned from, and says nothing"),
    ):
        names = splits.parts.get(part, ())
        if names:
            if sentence:
                run.warn(sentence)
            return [entries[name] for name in names], f"{len(names)} slides of the {part} part"
    raise LesionkitError("the splits are empty; give splits.json, or more slides")


def _search(
    run: RunFolder,
    entries: Sequence[SlideEntry],
    settings: SlideMetastasis,
    model: Path,
    learning: bool = False,
    unseen: bool = False,
) -> tuple[list[FoundSlide], dict[str, str]]:
    """What was found on each slide, and which failed why.

    Args:
        learning: what was found on validation slides while learning is taken over.
        unseen: nothing else, for by all networks together they would be searched by some that have learned from them.
    """
    load_committee(model)
    items = {entry.slide_id: entry.path for entry in entries}

    def search() -> Mapping[str, Any]:
        known = [name for name in items if learning and adopt(name, run.path / VALIDATION, run.path)]
        left = {name: path for name, path in items.items() if name not in known}
        if unseen:
            failed = _failed_before(run, left)
        else:
            failed = {o.item[0]: str(o.error) for o in search_all(left, settings, model, run.path) if o.error}
        if len(failed) == len(items):
            many = f"none of {len(failed)} slides can be searched; {first_of(failed)}"
            raise LesionkitError(many if len(failed) > 1 else next(iter(failed.values())))
        return {"slides": len(items), "failed": failed}

    failed = dict(run.once("find", search)["failed"])
    return [read_record(record_file(run.path, name)) for name in items if name not in failed], failed


def _failed_before(run: RunFolder, names: Iterable[str]) -> dict[str, str]:
    """Why slides were not searched by those that had not learned from them."""
    reasons = run.record["stages"].get("fit", {}).get("facts", {}).get("failed", {})
    return {name: str(reasons.get(name, "it takes no part in training, so no fold holds it")) for name in names}


def _ordered(found: Sequence[FoundSlide], entries: Sequence[SlideEntry]) -> list[tuple[FoundSlide, SlideEntry]]:
    by_name = {entry.slide_id: entry for entry in entries}
    return [(one, by_name[one.slide_id]) for one in found]


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


def _notes(path: Path) -> tuple[str, ...]:
    """What belongs to none of the slides that are searched: nothing, where one of many is."""
    return slide_set_notes(path) if path.is_dir() and _has_table(path) else ()


def _has_table(path: Path) -> bool:
    return any((path / part / "labels.csv").is_file() for part in (".", "train"))


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
    # Slides of one name in several folders, which no table could tell apart.
    names = Counter(slide_name(file.name) for file in files)
    called = [
        slide_name(file.name) if names[slide_name(file.name)] == 1 else f"{file.parent.name}-{slide_name(file.name)}"
        for file in files
    ]
    twice = next((name for name, count in Counter(called).items() if count > 1), None)
    if twice is not None:
        paths = " and ".join(str(file) for file, name in zip(files, called, strict=True) if name == twice)
        raise LesionkitError(f"two slides are called '{twice}': {paths}; search them one by one, or rename one")
    return [SlideEntry(name, name, file) for name, file in zip(called, files, strict=True)]


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


def _model_of(run: RunFolder) -> Path:
    return model_path(Path(run.record["inputs"]["model"]["path"]))
