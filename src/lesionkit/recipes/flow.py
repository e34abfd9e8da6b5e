"""The order of every verb, once for all kinds of image; what a kind does differently are the functions of its `Kind`.

find    images and what is known of them -> search each -> join the truth, score -> tables and page
run     index, prepare and train -> search the part that was kept out -> as find
report  the records of a finished search -> as find
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.document import to_document, to_tables
from lesionkit.evaluate.reliability import reliability
from lesionkit.recipes.alone import write_volume
from lesionkit.recipes.base import FindRequest, Item, MineRequest, Progress, Recipe, Summary
from lesionkit.recipes.beside import beside
from lesionkit.recipes.card import settings_of
from lesionkit.recipes.course import course_of
from lesionkit.recipes.deciding import Deciding, complete_from, deciding_of, set_points
from lesionkit.recipes.ensemble import complete_model, model_card, told_of
from lesionkit.recipes.export import export
from lesionkit.recipes.finished import finished, model_of
from lesionkit.recipes.foreign import foreign_allowed, foreign_row
from lesionkit.recipes.identifiers import identified
from lesionkit.recipes.kept_out import refuse_nothing_kept_out
from lesionkit.recipes.kind import Kind, Scored, Shelf
from lesionkit.recipes.learning import has_only_trained, learning_of, report_training
from lesionkit.recipes.review_verbs import review_verbs
from lesionkit.recipes.same_nets import refuse_other_nets
from lesionkit.recipes.searching import F, Opened, Planned, S
from lesionkit.report.about import About
from lesionkit.report.model_card import card_panel
from lesionkit.runs.models import chosen_model, model_of_run, shipped_models
from lesionkit.runs.records import record_file, record_files
from lesionkit.runs.run_folder import RunFolder, open_run, read_run
from lesionkit.write.score import write_score


def find(run: RunFolder, request: FindRequest, settings: S, kind: Kind[S, F, Opened], recipe: str) -> Summary:
    """See `Recipe.find`."""
    if kind.apart is not None and kind.apart.holds(request.input):
        return kind.apart.find(run, request, settings, chosen_model(request.model, recipe))
    listed = kind.items(request.input, request.truth, settings)
    items = told_apart(listed.items, kind.search.noun)
    model = chosen_model(request.model, recipe)
    for sentence in listed.notes:
        run.warn(sentence)
    deciding = deciding_of(model, settings, kind)
    found, failed = searched(run, [(item, model) for item in items], settings, kind, listed.left_out)
    summary = shown(run, found, {**listed.left_out, **failed}, model, settings, kind, deciding)
    return replace(summary, warnings=(*listed.notes, *summary.warnings))


def run(run: RunFolder, data: Path, settings: S, kind: Kind[S, F, Opened]) -> Summary:
    """See `Recipe.run`."""
    kind.prepare(run, data, settings, False)
    refuse_nothing_kept_out(run, data, kind.search.noun)
    learned = kind.learn(run, data, settings, None, None)
    set_points(run, learned, settings, kind)
    part, plan = learned.kept_out()
    if not plan:
        raise LesionkitError(f"{data} holds no {kind.search.noun} to score; give splits.json, or more patients")
    left_out = dict(learned.summary.failed)
    found, failed = searched(run, plan, foreign_allowed(settings), kind, left_out)
    model = model_of_run(run.path)
    deciding = deciding_of(model, settings, kind)
    summary = shown(run, found, {**left_out, **failed}, model, settings, kind, deciding)
    done = joined(learned.summary, part, summary)
    return replace(done, warnings=tuple(dict.fromkeys((*done.warnings, *run.warnings))))


def train(run: RunFolder, data: Path, settings: S, start_from: Path | None, kind: Kind[S, F, Opened]) -> Summary:
    """See `Recipe.train`."""
    if start_from is not None:
        refuse_other_nets(settings, model_settings(start_from, type(settings), run.record["recipe"]), start_from)
    learned = kind.learn(run, data, settings, start_from, None)
    said = set_points(run, learned, settings, kind)
    return replace(learned.summary, warnings=tuple(dict.fromkeys((*learned.summary.warnings, *said))))


def objective(
    data: Path, folder: Path, settings: S, progress: Progress, kind: Kind[S, F, Opened], recipe: str
) -> float:
    """See `Recipe.objective`.

    Raises:
        LesionkitError: there is nothing to measure it on.
    """
    with open_run(folder, recipe, settings, {"data": data}) as run:
        value = kind.learn(run, data, settings, None, progress).value
    if not isinstance(value, float):
        raise LesionkitError(f"a sweep needs validation {kind.search.noun}s to measure a trial on, got {value}")
    return value


def report(run: RunFolder, settings: S, kind: Kind[S, F, Opened], recipe: str) -> Summary:
    """See `Recipe.report`: from the records of the run; the images are read again for the pictures."""
    if has_only_trained(run):
        return report_training(run)
    given = run.record["inputs"]
    if kind.apart is not None and given.get("input") and kind.apart.holds(Path(given["input"]["path"])):
        truth = Path(given["truth"]["path"]) if given.get("truth") else None
        return kind.apart.show(run, Path(given["input"]["path"]), truth, settings, model_of(run, recipe))
    done = finished(run, settings, kind, recipe)
    return shown(run, done.found, done.failed, done.model, settings, kind, done.deciding)


def searched(
    run: RunFolder,
    plan: Sequence[Planned],
    settings: S,
    kind: Kind[S, F, Opened],
    left_out: Mapping[str, str] | None = None,
) -> tuple[list[F], dict[str, str]]:
    """Search every image that has no record yet in this run.

    Args:
        left_out: why images cannot be searched at all, by case id; kept for the page.

    Returns:
        What was found, in the order of the plan, and by case id why images failed.

    Raises:
        LesionkitError: none can be searched.
    """
    search, alone = kind.search, []

    def step() -> Mapping[str, Any]:
        if len(plan) == 1 and not record_file(run.path, plan[0][0].case_id).is_file():
            # What was found in the only image keeps its pixels for the page.
            alone.append(search.alone(plan[0], settings, run.path))
        failed = search.many(plan, settings, run.path, run.warn) if len(plan) > 1 else {}
        return {f"{search.noun}s": len(plan), "failed": failed, "left out": left_out or {}}

    failed = dict(run.once("find", step)["failed"])
    left = [item for item, _ in plan if item.case_id not in failed]
    return alone or [search.read(record_file(run.path, item.case_id), item) for item in left], failed


def told_apart(items: Sequence[Item], noun: str) -> list[Item]:
    """The images with names unlike each other: those of one name are called after their folders.

    Raises:
        LesionkitError: two are called alike with their folders' names too; before anything is searched.
    """
    count = Counter(item.case_id for item in items)
    called = [_called_by_folder(item) if count[item.case_id] > 1 else item for item in items]
    twice = [name for name, number in Counter(item.case_id for item in called).items() if number > 1]
    if twice:
        paths = " and ".join([str(item.path) for item in called if item.case_id == twice[0]][:2])
        raise LesionkitError(f"two {noun}s are called '{twice[0]}': {paths}; search them one by one, or rename one")
    return called


def _called_by_folder(item: Item) -> Item:
    name = f"{item.path.parent.name}-{item.path.name if item.path.is_dir() else item.case_id}"
    return replace(item, case_id=name, patient_id=name if item.patient_id == item.case_id else item.patient_id)


def shown(
    run: RunFolder,
    found: Sequence[F],
    failed: Mapping[str, str],
    model: Path,
    settings: S,
    kind: Kind[S, F, Opened],
    deciding: Deciding[F],
) -> Summary:
    """Score what was found where the truth is known, and write scores, tables and page."""
    found = deciding.rescored(found, kind)
    scored = _with_denominator(kind.score(found, model, settings), found, kind.search.noun)
    for name, score in scored.scores.items():
        folder = run.path / "score" / name if len(scored.scores) > 1 else run.path / "score"
        write_score(folder, to_document(score), to_tables(score))
    of_scores = [sentence for score in scored.scores.values() for sentence in score.warnings]
    of_images = [f"{one.item.case_id}: {sentence}" for one in found for sentence in one.facts.get("warnings", ())]
    warnings = tuple(dict.fromkeys([*deciding.warnings, *scored.warnings, *of_scores, *of_images]))
    for sentence in warnings:
        run.warn(sentence)
    for source in scored.sources:
        run.say(f"truth was read from {source}")
    sentence = deciding.decision.sentence(kind.scores(found, model, settings), kind.finds)
    reliable = reliability(scored.tally) if scored.tally is not None else None
    patients, facts = identified(run.path, found, run.with_identifiers), facts_of(run, failed, settings)
    card = card_panel(told_of(model))
    about = About(deciding.decision, sentence, reliable, card, patients, course_of(run), learning_of(run.path))
    view = kind.show(Shelf(run.path, found, scored, facts, model, run.warnings, about), settings)
    seconds = [one.facts["seconds"]["total"] for one in found]
    told = {
        f"{kind.search.noun}s searched": len(found),
        f"time per {kind.search.noun}": f"{sum(seconds) / max(len(seconds), 1):.2f} s",
        **view.told,
        **foreign_row([one.facts for one in found]),
    }
    return Summary(told, tuple(view.paths), failed, warnings, len(found) + len(failed), sentence)


def _with_denominator(scored: Scored, found: Sequence[F], noun: str) -> Scored:
    """Every score says how many of the images it leaves out."""
    unknown = sum(one.item.case_id not in scored.known for one in found)
    if not unknown or not scored.scores:
        return scored
    sentence = f"{unknown} of {len(found)} {noun}s have no known truth and are not scored"
    scores = {name: replace(one, warnings=(*one.warnings, sentence)) for name, one in scored.scores.items()}
    return replace(scored, scores=scores)


def facts_of(run: RunFolder, failed: Mapping[str, str], settings: S) -> dict[str, Any]:
    """What made the result: the versions when the run began, not those that write its page again; settings; weights."""
    facts = {
        "versions": run.record["versions"],
        "settings": settings.model_dump(mode="json"),
        # What was left out before it had a name goes by its path, with which readers' sentences begin.
        "failed": {name: reason.removeprefix(f"{name}: ") for name, reason in failed.items()},
        "run": str(run.record["started"]),
    }
    model = run.record["inputs"].get("model")
    return {**facts, "model": dict(model)} if isinstance(model, dict) else facts


def joined(before: Summary, part: str, summary: Summary) -> Summary:
    """What a run says: of its training, and of what it searched then."""
    return Summary(
        facts={**before.facts, "searched": part, **summary.facts},
        paths=(*summary.paths, *before.paths),
        failed={**before.failed, **summary.failed},
        warnings=tuple(dict.fromkeys((*before.warnings, *summary.warnings))),
        cases=before.cases,
        conclusion=summary.conclusion,
    )


def model_settings(model: Path | None, settings: type[S], recipe: str) -> S:
    """See `Recipe.model_settings`.

    Raises:
        LesionkitError: there is no such model, or it is of another kind of image.
    """
    path = chosen_model(model, recipe)
    return settings_of(model_card(path), path, model or path, settings, recipe)


def complete(
    model: Path, runs: Sequence[Path], entries: Mapping[str, Any], settings: type[S], kind: Kind[S, F, Opened]
) -> Mapping[str, Any]:
    """See `Recipe.complete`.

    Raises:
        LesionkitError: nothing was found or is known, or it was searched with other settings than the model's.
    """
    if not runs:
        complete_model(model, entries)
        return {}
    opened = [read_run(folder) for folder in runs]
    found = [kind.search.read(file) for run in opened for file in record_files(run.path)]
    return complete_from(model, found, settings.parse(opened[0].record["settings"]), kind, entries)


def recipe(
    name: str,
    summary: str,
    settings: type[S],
    kind: Kind[S, F, Opened],
    mine: Callable[[RunFolder, MineRequest, S], Summary] | None = None,
) -> Recipe[S]:
    """A recipe of a kind: its name, one line, its settings, and how what its trainings mine is written, if they do."""
    return Recipe(
        name=name,
        summary=summary,
        settings=settings,
        index=kind.index,
        prepare=kind.prepare,
        train=partial(train, kind=kind),
        find=partial(find, kind=kind, recipe=name),
        report=partial(report, kind=kind, recipe=name),
        export=partial(export, kind=kind, recipe=name),
        review=review_verbs(kind, name),
        run=partial(run, kind=kind),
        model_settings=partial(model_settings, settings=settings, recipe=name),
        shipped_models=partial(shipped_models, name),
        complete=partial(complete, settings=settings, kind=kind),
        objective=partial(objective, kind=kind, recipe=name),
        beside=partial(beside, kind=kind, recipe=name),
        viewer=partial(write_volume, kind=kind, recipe=name),
        mine=mine,
    )
