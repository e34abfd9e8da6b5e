"""Prepared cases -> a trained detector with its card."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from lesionkit.infer.detect import NoduleDetector
from lesionkit.infer.detectors import load_detector
from lesionkit.learn.batch import choose_batch
from lesionkit.learn.detection import NoduleLearner, fit
from lesionkit.learn.loop import seed_everything
from lesionkit.nets.nodule_head import NoduleHead
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.weights import load_model, pick_device
from lesionkit.recipes.base import Learned, Progress, Summary
from lesionkit.recipes.ct.insert import inserter
from lesionkit.recipes.ct.mine import hard_negatives
from lesionkit.recipes.ct.prepare import PreparedSet, prepared_set
from lesionkit.recipes.ct.rounds import Fitted, Round, in_rounds
from lesionkit.recipes.ct.search import case_features
from lesionkit.recipes.ct.settings import CtNodule, CtSettings
from lesionkit.recipes.ct.trained import CPM, model_card
from lesionkit.recipes.ensemble import NetPlan, first_files, plans_of, unseen, write_ensemble
from lesionkit.recipes.foreign import learn_foreign, spaced
from lesionkit.recipes.kept_out import kept_out, validating
from lesionkit.runs.models import ENSEMBLE_FILE, chosen_model, model_of_run
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.draw import PatchDraws
from lesionkit.sample.mined_draws import MinedDraws
from lesionkit.sample.patch import Patch

C = TypeVar("C", bound=CtSettings)
TrainOne: TypeAlias = Callable[
    [RunFolder, PreparedSet, Callable[[float], None], NetPlan[C], Path | None], Mapping[str, Any]
]
"""(run, prepared, tell, plan, start): train one network and leave its file in the run folder. `tell` gets each CPM on
the validation cases; `start` is a network to go on from. Returns facts, the last CPM among them as `CPM`."""
_MOST_SCANS = 40
"""That a network remembers, to tell foreign ones."""


def learn(
    run: RunFolder, data: Path, settings: CtNodule, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`; what a sweep makes larger is the CPM on the validation cases, of several networks its mean."""
    return learn_each(run, data, settings, start_from, progress, _train)


def learn_each(
    run: RunFolder,
    data: Path,
    settings: C,
    start_from: Path | None,
    progress: Progress | None,
    train_one: TrainOne[C],
) -> Learned:
    """Prepare, have every network trained by `train_one`, and write their ensemble; see `learn`."""
    prepared = prepared_set(run, data, settings)
    plans = plans_of(settings, prepared.splits.folds)
    start = {} if start_from is None else first_files(chosen_model(start_from, str(run.record["recipe"])), plans)
    told: list[float] = []

    def tell(cpm: float) -> None:
        told.append(cpm)
        if progress is not None:
            progress(len(told), cpm)

    fit_one = partial(train_one, run, prepared, tell)
    each = {plan.name: run.once(plan.called("train"), partial(fit_one, plan, start.get(plan.name))) for plan in plans}
    if len(plans) > 1:
        run.once("ensemble", lambda: _write_ensemble(run, prepared, settings, plans, each))
    run.once("foreign", partial(_learn_foreign, prepared, plans[0], run.path))
    cpms = [facts[CPM] for facts in each.values()]
    missing = next((cpm for cpm in cpms if isinstance(cpm, str)), None)
    model = model_of_run(run.path)
    summary = Summary(_facts_of(each), (model,), prepared.failed, run.warnings, prepared.count)
    others = unseen(plans, run.path)
    searched = partial(kept_out, run, prepared.items, prepared.splits, "scan", model, others)
    held = partial(validating, prepared.items, prepared.splits, "scan", model, others)
    return Learned(summary, searched, held, missing or float(np.mean(cpms)))


def _learn_foreign(prepared: PreparedSet, plan: NetPlan[C], run: Path) -> Mapping[str, Any]:
    """Have the first network remember what it saw of the scans it learned from."""
    file = plan.file(run)
    detector = load_detector(file, plan.settings.infer)
    if getattr(detector, "tap", None) is None:
        return {"reason": "the networks of this recipe do not tell what they see of a scan"}
    cases = spaced(prepared.round(plan.fold)[0], _MOST_SCANS)
    return learn_foreign(file, (case_features(detector, case) for case in cases))


def _facts_of(each: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What is told of the training of one network, or of several."""
    if "" in each:
        return dict(each[""])
    return {"networks": len(each), **{f"{CPM}, {name}": facts[CPM] for name, facts in each.items()}}


def _write_ensemble(
    run: RunFolder,
    prepared: PreparedSet,
    settings: C,
    plans: Sequence[NetPlan[C]],
    each: Mapping[str, Mapping[str, Any]],
) -> Mapping[str, Any]:
    seconds = sum(int(str(facts["training time"]).split()[0]) for facts in each.values())
    seen = {case.case_id: case for plan in plans for case in prepared.round(plan.fold)[0]}
    card = model_card(run, list(seen.values()), settings, None, seconds)
    card["validation"] = {f"{CPM}, {name}": facts[CPM] for name, facts in each.items()}
    write_ensemble(run.path / ENSEMBLE_FILE, [plan.net(run.path) for plan in plans], card)
    return {"networks": [plan.name for plan in plans]}


def _train(
    run: RunFolder,
    prepared: PreparedSet,
    tell: Callable[[float], None],
    plan: NetPlan[CtNodule],
    start_from: Path | None,
) -> dict[str, Any]:
    return in_rounds(run, prepared, tell, plan, start_from, _one_round)


def _one_round(run: RunFolder, now: Round[CtNodule]) -> Fitted:
    plan, settings, learn = now.plan, now.plan.settings, now.plan.settings.learn
    seed_everything(learn.seed)
    net = load_model(now.start)[0].train() if now.start else NoduleNet(settings.net)
    if learn.batch == "auto":
        learn = learn.model_copy(update={"batch": _chosen_batch(run, net, plan)})
    detector = partial(NoduleDetector, settings=settings.infer, device=pick_device(settings.infer.device))
    fine_tuned = bool(now.start and now.number == 1 and settings.sample.hard_share)
    hard = hard_negatives(run, partial(detector, net), now.cases, plan.name) if fine_tuned else None
    how: dict[str, Any] = {
        "seed": learn.seed,
        "length": learn.steps * int(learn.batch) * learn.devices,
        "insert": inserter(settings),
    }
    if now.mined is None:
        patches = PatchDraws(now.cases, settings.sample, encode_patch, hard=hard, **how)
    else:
        patches = MinedDraws(now.cases, settings.sample, encode_patch, mined=now.mined, **how)
    learner = NoduleLearner(net, learn)
    figures = fit(learner, patches, now.folder, now.judge.validate(detector, lambda: learner.global_step))
    return Fitted.of(learner, figures, patches_per_step=int(learn.batch))


def _chosen_batch(run: RunFolder, net: NoduleNet, plan: NetPlan[CtNodule]) -> int:
    """What "auto" means for a network: measured once, so that a resumed training goes on with the same."""
    name, learn = plan.called("batch"), plan.settings.learn
    batch = run.record["metrics"].get(name)
    if batch is None:
        batch = choose_batch(net, plan.settings.sample.patch, learn.precision, pick_device(learn.device))
        run.note(**{name: batch})
        run.say(f"batch auto: {batch} patches per step")
    return int(batch)


def encode_patch(patch: Patch) -> dict[str, NDArray[Any]]:
    """The head's targets of a patch by name, as the loss wants them."""
    z, y, x = patch.hu.shape
    target = NoduleHead(stride=NoduleNet.stride).encode((z, y, x), patch.balls, patch.ignored)
    return {
        "heat": target.heat,
        "regression": target.regression,
        "inside": target.inside,
        "ignored": target.ignored,
    }
