"""Several runs on one page: figures with intervals and paired differences, curves, settings, the same image in each.

Runs of one kind of image and one protocol are shown; none is written to.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.score import Score
from lesionkit.recipes import load_recipe
from lesionkit.recipes.base import Summary
from lesionkit.recipes.card import dotted
from lesionkit.recipes.finished import finished
from lesionkit.recipes.kind import Kind, Pages, Shelf
from lesionkit.recipes.learning import has_only_trained, told_by
from lesionkit.recipes.searching import F, Opened, S
from lesionkit.report.about import About
from lesionkit.report.learning import learning_beside
from lesionkit.report.look import Look
from lesionkit.report.side_page import Column, Said, write_side_page
from lesionkit.runs.old_names import kept_settings
from lesionkit.runs.run_folder import RunFolder, read_run

PAGE = "compared.html"
MOST_RUNS = 6
"""As many as there are colours for curves."""


@dataclass(frozen=True, eq=False)
class Beside:
    """What stands in the column of one run, and what is asked of it later.

    Attributes:
        said: of every image its scores, by case id.
        look: (case id): that image in a small box.
        warnings: truths that could not be used, in sentences.
    """

    noun: str
    scores: Mapping[str, Score]
    said: Mapping[str, Said]
    sentence: str
    look: Callable[[str], Look]
    warnings: Sequence[str] = ()


def beside(run: RunFolder, settings: S, kind: Kind[S, F, Opened], recipe: str) -> Beside:
    """What a run shows beside others; see `Recipe.beside`. One that trained only has learning curves alone.

    Raises:
        LesionkitError: it holds no finished search of images.
    """
    given = run.record["inputs"].get("input")
    if kind.apart is not None and given and kind.apart.holds(Path(given["path"])):
        raise LesionkitError(
            f"{run.path} searched patches, and runs are shown side by side image by image; compare patches by "
            "'lesionkit evaluate slides --compare'"
        )
    if has_only_trained(run):
        return Beside(kind.search.noun, {}, {}, "trained, and nothing was searched", lambda _: Look(()))
    done = finished(run, settings, kind, recipe)
    found, decision = done.deciding.rescored(done.found, kind), done.deciding.decision
    scored = kind.score(found, done.model, settings)
    said = {}
    for one in found:
        scores = kind.scores([one], done.model, settings)
        said[one.item.case_id] = Said(tuple(scores), None if decision.threshold is None else decision.count(scores))
    by_name = {one.item.case_id: one for one in found}
    show = Pages.of(kind.show).look

    def look(case_id: str) -> Look:
        if show is None:
            return Look(())
        shelf = Shelf(run.path, [by_name[case_id]], scored, {}, done.model, (), About(decision))
        try:
            return show(shelf, settings)
        except (LesionkitError, OSError) as error:
            return Look((f"no picture: {error}",))

    every = [score for one in said.values() for score in one.scores]
    sentence = decision.sentence(every, kind.finds)
    return Beside(kind.search.noun, scored.scores, said, sentence, look, scored.warnings)


def compare_runs(folders: Sequence[Path], out: Path) -> Summary:
    """Write OUT/compared.html of several runs, and the tables that it shows.

    Raises:
        LesionkitError: runs of different kinds or protocols, one named twice, more than six, or one without a search.
    """
    runs = _checked(folders)
    _refuse_foreign(out)
    names = _names(folders)
    beside_each = [_of_run(run) for run in runs]
    _refuse_other_protocols(names, beside_each)
    columns = [
        Column(name, str(run.record["recipe"]), one.sentence, one.scores, one.said, one.look)
        for name, run, one in zip(names, runs, beside_each, strict=True)
    ]
    told = [_told(run) for run in runs]
    warnings = [f"{name}: {text}" for name, one in zip(names, beside_each, strict=True) for text in one.warnings]
    learned = learning_beside({name: told_by(run.path) for name, run in zip(names, runs, strict=True)})
    page = write_side_page(out, columns, _differing(names, told), beside_each[0].noun, warnings, learned)
    shared = set.intersection(*(set(one.said) for one in beside_each))
    noun = beside_each[0].noun
    facts: dict[str, str | int | float] = {"runs": len(runs), f"{noun}s in all of them": len(shared)}
    return Summary(facts, (page.path, *page.tables), warnings=page.warnings)


def _checked(folders: Sequence[Path]) -> list[RunFolder]:
    resolved = [Path(folder).resolve() for folder in folders]
    twice = [str(folders[i]) for i, path in enumerate(resolved) if path in resolved[:i]]
    if twice:
        raise LesionkitError(f"runs beside each other must be different ones, but {twice[0]} is named twice")
    if len(folders) > MOST_RUNS:
        raise LesionkitError(f"at most {MOST_RUNS} runs fit beside each other, got {len(folders)}; leave some out")
    runs = [read_run(Path(folder)) for folder in folders]
    kinds = [str(run.record["recipe"]).split("-")[0] for run in runs]
    other = next((i for i, kind in enumerate(kinds) if kind != kinds[0]), None)
    if other is not None:
        raise LesionkitError(
            f"runs beside each other must be of one kind of image, but {folders[0]} is of {runs[0].record['recipe']} "
            f"and {folders[other]} of {runs[other].record['recipe']}"
        )
    return runs


def _of_run(run: RunFolder) -> Beside:
    recipe = load_recipe(str(run.record["recipe"]))
    if recipe.beside is None:
        raise LesionkitError(f"runs of {recipe.name} cannot be shown side by side; its recipe has no part for that")
    answer: Beside = recipe.beside(run, kept_settings(recipe.settings, run.record["settings"], run.path))
    return answer


def _refuse_other_protocols(names: Sequence[str], each: Sequence[Beside]) -> None:
    scored = [(name, _protocols(one)) for name, one in zip(names, each, strict=True) if one.scores]
    other = next(((name, what) for name, what in scored if what != scored[0][1]), None)
    if other is not None:
        raise LesionkitError(
            f"runs beside each other must be scored by one protocol, but {scored[0][0]} is by {scored[0][1]} and "
            f"{other[0]} by {other[1]}; search again with the same score.protocol and the same truth"
        )


def _protocols(one: Beside) -> str:
    return " and ".join(f"'{score.protocol}'" for score in one.scores.values())


def _names(folders: Sequence[Path]) -> list[str]:
    """What to call runs: their folders' names, with as much of the path as tells them apart."""
    parts = [Path(folder).resolve().parts for folder in folders]
    for depth in range(1, max(map(len, parts)) + 1):
        names = ["/".join(one[-depth:]) for one in parts]
        if max(Counter(names).values()) == 1:
            break
    return names


def _refuse_foreign(out: Path) -> None:
    if out.exists() and not out.is_dir():
        raise LesionkitError(f"--out must be a folder, but {out} is a file; name another")
    if out.is_dir() and not (out / PAGE).is_file() and any(not p.name.startswith(".") for p in out.iterdir()):
        raise LesionkitError(f"{out} is not empty and holds no comparison; name a new or an empty folder")


def _told(run: RunFolder) -> dict[str, Any]:
    """Everything that can make a result differ, by name; what only says how fast it was made is left out."""
    record = run.record
    settings = {name: value for name, value in _flat(record["settings"]).items() if not name.startswith("engine.")}
    inputs = {f"{name} (SHA-256)": _digest(value) for name, value in record["inputs"].items()}
    return {"recipe": record["recipe"], **inputs, **settings, "lesionkit": record["versions"].get("lesionkit")}


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted name; members of a list by their place, from 1.

    >>> _flat({"members": [{"net": {"depth": 3}}], "shares": [0.7, 0.3]})
    {'members.1.net.depth': 3, 'shares': [0.7, 0.3]}
    """
    found: dict[str, Any] = {}
    for name, value in dotted(values).items():
        if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            found |= _flat({f"{name}.{number}": one for number, one in enumerate(value, 1)})
        else:
            found[name] = value
    return found


def _digest(value: Any) -> Any:
    return str(value["sha256"])[:16] if isinstance(value, Mapping) else value


def _differing(names: Sequence[str], told: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """A row for each setting that is not the same in all runs."""
    every = dict.fromkeys(name for one in told for name in one)
    differing = [name for name in every if any(one.get(name) != told[0].get(name) for one in told[1:])]
    value = partial(_value_of, told)
    return [{"setting": name, **dict(zip(names, value(name), strict=True))} for name in differing]


def _value_of(told: Sequence[Mapping[str, Any]], name: str) -> list[str]:
    return ["not there" if name not in one else "null" if one[name] is None else str(one[name]) for one in told]
