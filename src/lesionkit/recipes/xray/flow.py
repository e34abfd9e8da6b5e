"""The verbs of the recipes for pneumothorax: train, find, report, and everything in order."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lesionkit.core.errors import LesionkitError
from lesionkit.read.picture import find_pictures
from lesionkit.recipes.base import FindRequest, Progress, Recipe, Summary
from lesionkit.recipes.xray.ensemble import (
    Ensemble,
    EnsembleNet,
    load_ensemble,
    rule_document,
    settings_of_model,
    write_ensemble,
)
from lesionkit.recipes.xray.find import FoundRow, find_all, read_records
from lesionkit.recipes.xray.index import CATALOGUE, image_set, index
from lesionkit.recipes.xray.page import write_results
from lesionkit.recipes.xray.prepare import PreparedSet, prepare, prepared_set
from lesionkit.recipes.xray.rows import read_rows
from lesionkit.recipes.xray.rules import RULES_FILE, Decision, decide
from lesionkit.recipes.xray.score import Truth, truth_beside, truth_notes, truth_of_rows
from lesionkit.recipes.xray.settings import (
    ENSEMBLE_FILE,
    XrayPneumothorax,
    model_path,
    shareable,
)
from lesionkit.runs.models import shipped_models
from lesionkit.runs.run_folder import RunFolder, open_run
from lesionkit.runs.versions import versions

if TYPE_CHECKING:
    from lesionkit.recipes.xray.folds import Training

_TOLD = (
    "validation images",
    "validation dice",
    "nested validation dice",
    "optimism of the search",
    "validation dice on positives",
    "validation all-empty baseline",
    "validation image AUC",
)


def xray_recipe(name: str, summary: str, settings: type[XrayPneumothorax]) -> Recipe[Any]:
    """A recipe of this family: its name, one line, and its settings."""
    return Recipe(
        name=name,
        summary=summary,
        settings=settings,
        index=index,
        prepare=prepare,
        train=train,
        find=partial(find, recipe=name),
        report=partial(report, recipe=name),
        run=run,
        model_settings=settings_of_model(settings, name),
        shipped_models=partial(shipped_models, name),
        objective=partial(objective, recipe=name),
    )


def train(run: RunFolder, data: Path, settings: XrayPneumothorax, start_from: Path | None) -> Summary:
    """See `Recipe.train`: up to the search of the rule; the ensemble lies in the run folder."""
    prepared = prepared_set(run, data, settings)
    plan, nets, decision = _learn(run, prepared, settings, start_from)
    path = _save(plan, nets, decision)
    told: dict[str, str | int | float] = {"networks": sum(map(len, nets.values()))}
    told |= {name: decision.facts[name] for name in _TOLD if name in decision.facts}
    told["rule"] = ", ".join(f"{k} {v}" for k, v in rule_document(decision.rule).items())
    rules = run.path / RULES_FILE
    images = prepared.images
    return Summary(told, (path, *([rules] if rules.is_file() else [])), images.failed, run.warnings, images.count)


def find(run: RunFolder, request: FindRequest, settings: XrayPneumothorax, recipe: str) -> Summary:
    """See `Recipe.find`."""
    model = model_path(request.model, recipe)
    files = find_pictures(request.input)
    found, failed = find_all(run, files, model, settings.infer)
    truth = truth_beside(request.input, request.truth, found)
    summary = write_results(run, found, failed, truth, model, settings)
    return replace(summary, warnings=(*truth_notes(request.input, request.truth, found), *summary.warnings))


def report(run: RunFolder, settings: XrayPneumothorax, recipe: str) -> Summary:
    """See `Recipe.report`: from the records of the run; the radiographs are read again for the pictures."""
    stage = run.record["stages"].get("find", {})
    found = read_records(run.path)
    if not found or stage.get("state") != "done":
        raise LesionkitError(
            f"{run.path} holds no finished search; repeat the command that began it, and it goes on where it stopped"
        )
    truth, model = _known(run, found, recipe)
    failed = dict(stage["facts"]["failed"])
    if (run.path / CATALOGUE).is_file():
        failed = {**{row.case_id: row.failure for row in read_rows(run.path / CATALOGUE) if row.failure}, **failed}
    return write_results(run, found, failed, truth, model, settings)


def run(run: RunFolder, data: Path, settings: XrayPneumothorax) -> Summary:
    """See `Recipe.run`: index, prepare, train, search the rule, find on the test part, score, report."""
    images = image_set(run, data, settings)
    test = images.part("test")
    if not test:
        raise LesionkitError(
            f"the test part of {data} is empty; give splits.json with a part 'test', set the third of split.shares, or "
            "use 'lesionkit train'"
        )
    trained = train(run, data, settings, None)
    model = run.path / ENSEMBLE_FILE
    found, failed = find_all(run, [Path(row.path) for row in test], model, settings.infer)
    summary = write_results(run, found, {**trained.failed, **failed}, truth_of_rows(test), model, settings)
    return Summary(
        facts={**trained.facts, **summary.facts},
        paths=(*summary.paths, *trained.paths),
        failed=summary.failed,
        warnings=tuple(dict.fromkeys((*trained.warnings, *summary.warnings))),
        cases=trained.cases,
    )


def objective(data: Path, folder: Path, settings: XrayPneumothorax, progress: Progress, recipe: str) -> float:
    """See `Recipe.objective`: Dice of the nested search on the validation images, told when it is known."""
    with open_run(folder, recipe, settings, {"data": data}) as opened:
        _, _, decision = _learn(opened, prepared_set(opened, data, settings), settings, None)
    facts = decision.facts
    value = float(facts.get("nested validation dice", facts["validation dice"]))
    progress(1, value)
    return value


def _learn(
    run: RunFolder, prepared: PreparedSet, settings: XrayPneumothorax, start_from: Path | None
) -> "tuple[Training, dict[str, list[EnsembleNet]], Decision]":
    from lesionkit.recipes.xray.folds import begin_training, train_folds

    start = {} if start_from is None else _starts(model_path(start_from, str(run.record["recipe"])))
    plan = begin_training(run, prepared, settings, start)
    nets = train_folds(plan)
    return plan, nets, decide(plan)


def _starts(model: Path) -> dict[str, Path]:
    """The first network of each member of a model, to fine-tune."""
    ensemble = load_ensemble(model)
    found: dict[str, Path] = {}
    for net in ensemble.nets:
        found.setdefault(net.member, ensemble.folder / net.file)
    return found


def _save(plan: "Training", nets: Mapping[str, Sequence[EnsembleNet]], decision: Decision) -> Path:
    """Write what `find` needs: ensemble.json, and the rule and what validation said of it into every model's card."""
    from lesionkit.nets.segmenter import Segmenter
    from lesionkit.nets.weights import load_net, save_model
    from lesionkit.recipes.xray.lung import LUNG_FILE

    run, settings = plan.run, plan.settings
    every = [net for of_fold in nets.values() for net in of_fold]

    def sign() -> Mapping[str, Any]:
        projections = True
        for net in every:
            loaded, card = load_net(run.path / net.file, Segmenter)
            projections = projections and card["projections_only"]
            said = {"rule": rule_document(decision.rule), "validation": dict(decision.facts)}
            save_model(run.path / net.file, loaded, {**card, **said})
        ensemble = Ensemble(
            folder=run.path,
            nets=tuple(every),
            rule=decision.rule,
            stack=decision.stack,
            stacked=decision.stacked,
            lung=LUNG_FILE.as_posix() if settings.lung.crop else "",
            box=settings.lung.box,
        )
        facts = {
            "recipe": run.record["recipe"],
            "settings": shareable(settings),
            "versions": versions(),
            "validation": dict(decision.facts),
            "projections_only": projections,
            "notice": "Research use only; not a medical device.",
        }
        write_ensemble(run.path / ENSEMBLE_FILE, ensemble, facts)
        return {"networks": len(every)}

    run.once("ensemble", sign)
    return run.path / ENSEMBLE_FILE


def _known(run: RunFolder, found: Sequence[FoundRow], recipe: str) -> tuple[Truth, Path]:
    """Truth and model of a run whose page is written again."""
    if (run.path / CATALOGUE).is_file():
        return truth_of_rows(read_rows(run.path / CATALOGUE)), run.path / ENSEMBLE_FILE
    inputs = run.record["inputs"]
    truth = Path(inputs["truth"]["path"]) if "truth" in inputs else None
    model = Path(inputs["model"]["path"]) if "model" in inputs else None
    return truth_beside(Path(inputs["input"]["path"]), truth, found), model_path(model, recipe)
