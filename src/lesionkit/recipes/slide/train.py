"""Prepared slides, labelled patches, or both -> a trained network with its card."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.loop import seed_everything
from lesionkit.learn.patches import FittedPatches, fit_patches
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.weights import load_net, save_model
from lesionkit.read.patch_set import is_patch_set
from lesionkit.recipes.base import Learned, Progress, Summary
from lesionkit.recipes.ensemble import NetPlan, first_files, plans_of, unseen, write_ensemble
from lesionkit.recipes.foreign import learn_foreign, spaced
from lesionkit.recipes.kept_out import kept_out, validating
from lesionkit.recipes.searching import Planned
from lesionkit.recipes.slide.calibration import fit_scores, validation_froc
from lesionkit.recipes.slide.case import open_case
from lesionkit.recipes.slide.data import VALIDATION, SlideSet, prepared_slides
from lesionkit.recipes.slide.map import patch_groups, tissue_features
from lesionkit.recipes.slide.mine import mined
from lesionkit.recipes.slide.patches import Draws, pack_labelled
from lesionkit.recipes.slide.prepare import write_statistics
from lesionkit.recipes.slide.search import adopt
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.slide.truth import item_of_entry
from lesionkit.recipes.slide.validation import AREA, Judge, Learners, Told, ensemble_card, model_card
from lesionkit.runs.models import ENSEMBLE_FILE, chosen_model, model_of_run
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.slide_batches import PatchBatches

_MOST_SLIDES, _MOST_PATCHES = 60, 1800
"""That a network remembers, to tell foreign ones."""


def learn(
    run: RunFolder, data: Path, settings: SlideMetastasis, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`; DATA may be a folder of labelled patches instead of slides.

    What a sweep makes larger is the AUC of validation patches or the FROC of validation slides, see the setting
    `objective`; after each validation it is told the AUC of patches, which both need.
    """
    areas: list[float] = []

    def told(area: float) -> None:
        areas.append(area)
        if progress is not None:
            progress(len(areas), area)

    held = None if is_patch_set(data) else prepared_slides(run, data, settings)
    summary = _trained(run, data, held, settings, start_from, told)
    found = run.record["metrics"].get("validation_mean_auc")
    value = float(found) if found is not None else "; ".join(summary.warnings)
    if held is None:
        return Learned(summary, value=value)
    if progress is not None and settings.objective == "lesion FROC":
        value = validation_froc(run, held, settings)
    return Learned(summary, partial(_searched, run, held, settings), partial(_validating, run, held, settings), value)


def _searched(run: RunFolder, held: SlideSet, settings: SlideMetastasis) -> tuple[str, list[Planned]]:
    """The slides that are scored, each with the networks that search it; see `Learned`."""
    items = {name: item_of_entry(slide.entry) for name, slide in held.slides.items()}
    others = unseen(plans_of(settings, held.splits.folds), run.path)
    part, planned = kept_out(run, items, held.splits, "slide", model_of_run(run.path), others)
    for item, _ in planned:
        # What was found on validation slides while learning is taken over.
        adopt(item.case_id, run.path / VALIDATION, run.path)
    return part, planned


def _validating(run: RunFolder, held: SlideSet, settings: SlideMetastasis) -> tuple[str, list[Planned]]:
    """The slides that operating points are set on; see `Learned`. `fit_scores` has searched them."""
    items = {name: item_of_entry(slide.entry) for name, slide in held.slides.items()}
    others = unseen(plans_of(settings, held.splits.folds), run.path)
    return validating(items, held.splits, "slide", model_of_run(run.path), others)


def _trained(
    run: RunFolder,
    data: Path,
    held: SlideSet | None,
    settings: SlideMetastasis,
    start_from: Path | None,
    told: Told,
) -> Summary:
    if held is not None:
        run.once("statistics", lambda: write_statistics(run, held, settings))
    elif settings.split.every_fold:
        raise LesionkitError("split.every_fold is for slides, for labelled patches do not tell theirs; leave it out")
    folder = data if held is None else settings.labelled
    labelled = pack_labelled(run, folder, settings) if folder is not None else None
    shown = Learners(run, held, labelled, told)
    plans = plans_of(settings, held.splits.folds if held is not None else (), settings.mine.rounds + 1)
    start = {} if start_from is None else first_files(chosen_model(start_from, str(run.record["recipe"])), plans)
    each = {
        plan.name: run.once(plan.called("train"), partial(_train, shown, plan, start.get(plan.name))) for plan in plans
    }
    run.once("foreign", partial(_learn_foreign, shown, plans[0]))
    facts = dict(each[""]) if "" in each else _facts_of(each)
    areas = [one[AREA] for one in each.values() if not isinstance(one[AREA], str)]
    if len(areas) == len(each):
        run.note(validation_mean_auc=float(np.mean(areas)))
    if len(plans) > 1:
        card = ensemble_card(shown, settings, each)
        run.once("ensemble", lambda: _write_ensemble(run, plans, card))
    if held is not None:
        facts |= fit_scores(run, held, settings)
    elif settings.mine.rounds:
        run.warn("hard negatives are mined on slides; labelled patches alone have none")
    paths = (model_of_run(run.path),)
    if held is None:
        return Summary(facts, paths, {}, run.warnings, 1)
    return Summary(facts, paths, held.failed, tuple(dict.fromkeys((*run.warnings, *held.warnings))), held.count)


def _learn_foreign(shown: Learners, plan: NetPlan[SlideMetastasis]) -> Mapping[str, Any]:
    """Have the first network remember what it saw of the slides and labelled patches it learned from."""
    file, settings = plan.file(shown.run.path), plan.settings
    net = load_net(file, PatchNet)[0]
    seen = []
    for slide in spaced(list(shown.slides(plan, "train").values()), _MOST_SLIDES):
        seen.append(tissue_features(net, open_case(slide.entry.path, settings), slide.tissue, settings))
    if shown.labelled is not None:
        patches = shown.labelled.images[np.sort(spaced(shown.labelled.train.tolist(), _MOST_PATCHES))]
        seen += patch_groups(net, patches, settings)
    return learn_foreign(file, seen)


def _facts_of(each: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What is told of several networks."""
    return {"networks": len(each), **{f"{AREA}, {name}": facts[AREA] for name, facts in each.items()}}


def _write_ensemble(
    run: RunFolder, plans: Sequence[NetPlan[SlideMetastasis]], card: Mapping[str, Any]
) -> Mapping[str, Any]:
    write_ensemble(run.path / ENSEMBLE_FILE, [plan.net(run.path) for plan in plans], card)
    return {"networks": [plan.name for plan in plans]}


def _train(shown: Learners, plan: NetPlan[SlideMetastasis], start_from: Path | None) -> dict[str, Any]:
    run, settings = shown.run, plan.settings
    # Earlier sittings of an interrupted training count too.
    started = time.monotonic() - float(run.record["metrics"].get(plan.called("training_s"), 0))
    slides, packed = shown.slides(plan, "train"), shown.packed(settings)
    net = _first_net(plan, start_from)
    judge = Judge(shown, plan, started)
    hard, fitted = None, None
    for number in range(settings.mine.rounds + 1):
        folder = plan.folder(run.path) if number == 0 else plan.folder(run.path) / f"round-{number}"
        if number and fitted is not None:
            hard = mined(run, number, fitted.net, slides, settings, hard, plan.name)
            # An average of weights takes no gradients; what is learned from does.
            net = fitted.net.requires_grad_(True)
        draws = Draws(slides, shown.labelled, settings, hard=hard, packed=packed)
        fitted = _fit(net, folder, draws, settings, judge)
    if fitted is None:
        raise LesionkitError(f"mine.rounds must be 0 or more, got {settings.mine.rounds}")
    figures = {name: round(float(value), 5) for name, value in fitted.figures.items()}
    run.note(**{plan.called(name): value for name, value in figures.items()})
    seconds = round(time.monotonic() - started)
    known = judge.auc is not None and settings.learn.keep == "last"
    area = judge.auc if known else judge(fitted.net).get("auc")
    told = {} if area is None else {"validation": {"patch AUC": area}}
    save_model(plan.file(run.path), fitted.net, model_card(shown, plan, seconds) | told)
    return {
        "steps": int(figures.get("steps", settings.learn.steps)),
        "steps per second": round(figures.get("speed/steps_per_s", 0.0), 3),
        "time waiting for data": f"{100 * figures.get('speed/waiting_share', 0.0):.1f} %",
        AREA: "not measured: no validation patches" if area is None else round(area, 4),
        "training time": f"{seconds} s",
    }


def _first_net(plan: NetPlan[SlideMetastasis], start_from: Path | None) -> PatchNet:
    """The network that a training begins with: its weights follow from the seed, or are those of an earlier run."""
    seed_everything(plan.settings.learn.seed)
    return PatchNet(plan.settings.net) if start_from is None else load_net(start_from, PatchNet)[0]


def _fit(net: PatchNet, folder: Path, draws: Draws, settings: SlideMetastasis, judge: Judge) -> FittedPatches:
    learn = settings.learn
    length = learn.steps * learn.devices
    batches = PatchBatches(draws, learn.batch, length, settings.augment, learn.seed)
    try:
        return fit_patches(net, folder, learn, batches, judge if judge.can_judge else None)
    except SystemExit as ended:
        # What Lightning makes of Ctrl-C; to us it is an interruption that the same command resumes.
        raise KeyboardInterrupt from ended
