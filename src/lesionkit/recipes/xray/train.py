"""A data set of radiographs -> trained networks and the rule that decides, as one ensemble in the run folder."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.weights import load_net, save_model
from lesionkit.recipes.base import Learned, Progress, Summary
from lesionkit.recipes.card import card_of_run
from lesionkit.recipes.foreign import learn_foreign_of
from lesionkit.recipes.kept_out import kept_out, validating
from lesionkit.recipes.xray.data import ImageSet
from lesionkit.recipes.xray.ensemble import Ensemble, EnsembleNet, load_ensemble, rule_document, write_ensemble
from lesionkit.recipes.xray.folds import Training, begin_training, best_folds, train_folds
from lesionkit.recipes.xray.lung import LUNG_FILE
from lesionkit.recipes.xray.prepare import prepared_set
from lesionkit.recipes.xray.rules import RULES_FILE, Decision, decide
from lesionkit.recipes.xray.search import XRAY_SEARCH
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.recipes.xray.truth import item_of_row
from lesionkit.runs.models import ENSEMBLE_FILE, chosen_model
from lesionkit.runs.run_folder import RunFolder

_MOST_RADIOGRAPHS = 400
"""That a network remembers, to tell foreign ones."""
_TOLD = (
    "validation images",
    "validation dice",
    "nested validation dice",
    "optimism of the search",
    "validation dice on positives",
    "validation all-empty baseline",
    "validation image AUC",
)


def learn(
    run: RunFolder, data: Path, settings: XrayPneumothorax, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`: up to the search of the rule; the ensemble lies in the run folder.

    What a sweep makes larger is the Dice of the nested search on the validation images, told when it is known.
    """
    prepared = prepared_set(run, data, settings)
    start = {} if start_from is None else _starts(chosen_model(start_from, str(run.record["recipe"])))
    plan = begin_training(run, prepared, settings, start)
    nets = train_folds(plan)
    decision = decide(plan)
    path, facts = _save(plan, nets, decision), decision.facts
    run.once("foreign", partial(_learn_foreign, path, prepared.images, settings))
    value = facts.get("nested validation dice", facts.get("validation dice"))
    if progress is not None and value is not None:
        progress(1, float(value))
    told: dict[str, str | int | float] = {"networks": sum(map(len, nets.values()))}
    told |= {name: facts[name] for name in _TOLD if name in facts}
    told["rule"] = ", ".join(f"{k} {v}" for k, v in rule_document(decision.rule).items())
    rules, images = run.path / RULES_FILE, prepared.images
    summary = Summary(told, (path, *([rules] if rules.is_file() else [])), images.failed, run.warnings, images.count)
    items = {name: item_of_row(row) for name, row in images.images.items()}
    unseen = {fold: (path, fold) for fold in plan.folds if fold}
    searched = partial(kept_out, run, items, images.splits, "radiograph", path, unseen)
    held = partial(validating, items, images.splits, "radiograph", path, unseen)
    return Learned(summary, searched, held, value)


def _learn_foreign(model: Path, images: ImageSet, settings: XrayPneumothorax) -> Mapping[str, Any]:
    """Have the first network remember what it saw of the radiographs it learned from."""
    first = load_ensemble(model).nets[0]
    items = [
        item_of_row(images.images[name]) for name in images.splits.leave_out(first.fold)[0] if name in images.images
    ]
    return learn_foreign_of(first.path, model, items, settings, XRAY_SEARCH, _MOST_RADIOGRAPHS)


def _starts(model: Path) -> dict[str, Path]:
    """The first network of each member of a model, to fine-tune."""
    found: dict[str, Path] = {}
    for net in load_ensemble(model).nets:
        found.setdefault(net.member, net.path)
    return found


def _save(plan: Training, nets: Mapping[str, Sequence[EnsembleNet]], decision: Decision) -> Path:
    """Write what `find` needs: ensemble.json, and the rule and what validation said of it into every model's card."""
    run, settings = plan.run, plan.settings
    every = [net for of_fold in nets.values() for net in of_fold]

    def sign() -> Mapping[str, Any]:
        projections = True
        for net in every:
            loaded, card = load_net(net.path, Segmenter)
            projections = projections and card["projections_only"]
            said = {"rule": rule_document(decision.rule), "validation": dict(decision.facts)}
            save_model(net.path, loaded, {**card, **said})
        chosen = {member.name: best_folds(plan, member) for member in plan.members}
        ensemble = Ensemble(
            nets=tuple(replace(net, is_chosen=net.fold in chosen[net.member]) for net in every),
            rule=decision.rule,
            stack=decision.stack,
            stacked=decision.stacked,
            lung=run.path / LUNG_FILE if settings.lung.crop else None,
            box=settings.lung.box,
        )
        learned = {row.case_id: row for fold in plan.folds for row in plan.prepared.images.round(fold)[0]}
        facts = {
            **card_of_run(run, settings),
            "training_images": len(learned),
            "training_patients": len({row.patient_id for row in learned.values()}),
            "training_positive_images": sum(row.positive for row in learned.values()),
            "training_synthetic_images": sum(row.synthetic for row in learned.values()),
            "validation": dict(decision.facts),
            "projections_only": projections,
        }
        write_ensemble(run.path / ENSEMBLE_FILE, ensemble, facts)
        return {"networks": len(every)}

    run.once("ensemble", sign)
    return run.path / ENSEMBLE_FILE
