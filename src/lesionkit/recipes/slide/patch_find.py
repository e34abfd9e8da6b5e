"""A folder of patches, labelled or not -> the score of each, and a page to look at them."""

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.progress import progress
from lesionkit.evaluate.document import to_document, to_tables
from lesionkit.evaluate.points import Decision
from lesionkit.read.patch_set import list_patches, patch_size, read_patch
from lesionkit.read.rows import read_rows
from lesionkit.recipes.base import FindRequest, Summary
from lesionkit.recipes.ensemble import told_of
from lesionkit.recipes.slide.patch_score import score_of_patches
from lesionkit.recipes.slide.search import load_committee
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.report.about import About
from lesionkit.report.headline import figure_text
from lesionkit.report.model_card import card_panel
from lesionkit.report.patch_sheet import write_patch_sheet
from lesionkit.runs.run_folder import RunFolder
from lesionkit.write.camelyon import write_slide_scores
from lesionkit.write.score import write_score

STAGE, SCORES = "patches", "scores.csv"
_CHUNK = 512
_UNDECIDED = Decision(why="a model's operating points are of whole slides and none is of patches")


def score_patch_folder(run: RunFolder, request: FindRequest, settings: SlideMetastasis, model: Path) -> Summary:
    """Score every patch of a folder, or one; see `Apart.find`.

    Raises:
        LesionkitError: there is none that can be scored.
    """
    found = list_patches(request.input, request.truth)

    def step() -> Mapping[str, Any]:
        started = time.perf_counter()
        usable, failed = _of_one_size(found.paths, settings.patches.patch)
        scores = _scored(usable, failed, model, settings)
        write_slide_scores(run.path / SCORES, scores)
        return {"patches": len(found.paths), "failed": failed, "seconds": time.perf_counter() - started}

    run.once(STAGE, step)
    return show_patch_folder(run, request.input, request.truth, settings, model)


def show_patch_folder(
    run: RunFolder, path: Path, truth: Path | None, settings: SlideMetastasis, model: Path
) -> Summary:
    """The score and the page of patches that are scored, from `scores.csv` and the pictures."""
    found, facts = list_patches(path, truth), run.record["stages"][STAGE]["facts"]
    scores = {cells[0]: float(cells[1]) for _, cells in read_rows(run.path / SCORES)[1:]}
    labels = {name: label for name, label in found.labels.items() if name in scores}
    for sentence in found.notes:
        run.warn(sentence)
    score = score_of_patches(labels, {name: scores[name] for name in labels}, settings) if labels else None
    paths = [run.path / SCORES]
    told: dict[str, str | int | float] = {
        "patches scored": len(scores),
        "time per patch": f"{1000 * facts['seconds'] / max(len(scores), 1):.1f} ms",
    }
    if score is not None:
        for sentence in score.warnings:
            run.warn(sentence)
        write_score(run.path / "score", to_document(score), to_tables(score))
        told["labelled"] = f"{len(labels)}, {sum(labels.values())} with tumour"
        told["AUC of patches"] = figure_text(score, "patch AUC", f"{len(labels)} patches")
    sentence = _UNDECIDED.sentence(list(scores.values()), "patch")
    about = About(_UNDECIDED, sentence, None, card_panel(told_of(model)))
    page = write_patch_sheet(run.path, found.paths, scores, labels, score, _facts(run, facts), run.warnings, about)
    return Summary(told, (page, *paths), facts["failed"], run.warnings, int(facts["patches"]), sentence)


def _facts(run: RunFolder, facts: Mapping[str, Any]) -> dict[str, Any]:
    given = run.record["inputs"].get("model")
    named = {"model": dict(given)} if isinstance(given, dict) else {}
    return {"failed": facts["failed"], "versions": run.record["versions"], **named}


def _of_one_size(paths: Mapping[str, Path], side: int) -> tuple[dict[str, Path], dict[str, str]]:
    """The patches of the commonest size, and why the others cannot be scored.

    Raises:
        LesionkitError: none can be read, or that size is too small.
    """
    sizes, failed = dict[str, tuple[int, int]](), dict[str, str]()
    for name, path in paths.items():
        try:
            sizes[name] = patch_size(path)
        except LesionkitError as error:
            failed[name] = str(error)
    if not sizes:
        raise LesionkitError(f"none of {len(paths)} patches can be read; the first: {next(iter(failed.values()))}")
    (rows, columns), _ = Counter(sizes.values()).most_common(1)[0]
    if min(rows, columns) < side:
        first = next(name for name, size in sizes.items() if size == (rows, columns))
        raise LesionkitError(
            f"patches must have {side} x {side} pixels or more (patches.patch), got {columns} x {rows} of "
            f"{paths[first]}; cut larger ones"
        )
    for name, size in sizes.items():
        if size != (rows, columns):
            failed[name] = (
                f"{paths[name]} must be of one size with the other patches, {columns} x {rows}, got {size[1]} x "
                f"{size[0]}; put patches of another size into a folder of their own"
            )
    return {name: path for name, path in paths.items() if name not in failed}, failed


def _scored(
    paths: Mapping[str, Path], failed: dict[str, str], model: Path, settings: SlideMetastasis
) -> dict[str, float]:
    """The probability of each patch that can be read; why the others cannot is put into `failed`.

    Raises:
        LesionkitError: none can be read.
    """
    from lesionkit.infer.patch_scores import ColourPatches, score_patches

    nets, scores = load_committee(model), dict[str, float]()
    weights = [weight for _, _, weight in nets]
    how = (
        settings.learn.batch,
        settings.learn.middle_px,
        settings.infer.patch_orientations,
        settings.learn.middle_pool,
    )
    with progress("scoring", len(paths)) as done:
        listed = list(paths.items())
        for first in range(0, len(listed), _CHUNK):
            held = {}
            for name, path in listed[first : first + _CHUNK]:
                try:
                    held[name] = _middle(read_patch(path), settings.patches.patch)
                except LesionkitError as error:
                    failed[name] = str(error)
                done()
            each = [score_patches(net, ColourPatches(tuple(held.values())), *how) for _, net, _ in nets]
            scores |= dict(zip(held, map(float, np.average(each, axis=0, weights=weights)), strict=True))
    if not scores:
        raise LesionkitError(f"none of {len(paths)} patches can be read; the first: {next(iter(failed.values()))}")
    return scores


def _middle(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    top, left = ((n - side) // 2 for n in image.shape[:2])
    return image[top : top + side, left : left + side]
