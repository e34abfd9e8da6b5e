"""Prepared cases -> a trained detector with its card."""

import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.score import Score
from lesionkit.infer.detect import NoduleDetector, search_all
from lesionkit.infer.domain import Domain
from lesionkit.learn.batch import choose_batch
from lesionkit.learn.detection import NoduleLearner, fit
from lesionkit.learn.loop import seed_everything
from lesionkit.nets.nodule_head import NoduleHead
from lesionkit.nets.nodule_net import NoduleNet
from lesionkit.nets.weights import load_model, pick_device, save_model
from lesionkit.recipes.base import Learned, Progress, Summary
from lesionkit.recipes.ct.insert import bank_facts, inserter
from lesionkit.recipes.ct.mine import hard_negatives
from lesionkit.recipes.ct.prepare import PreparedSet, prepared_set
from lesionkit.recipes.ct.score import score_cases
from lesionkit.recipes.ct.settings import CtNodule, model_path
from lesionkit.recipes.kept_out import kept_out
from lesionkit.runs.models import MODEL_FILE
from lesionkit.runs.run_folder import RunFolder
from lesionkit.runs.versions import versions
from lesionkit.sample.draw import PatchDraws
from lesionkit.sample.patch import Patch


def learn(
    run: RunFolder, data: Path, settings: CtNodule, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`; what a sweep makes larger is the CPM on the validation cases."""
    prepared = prepared_set(run, data, settings)
    facts = run.once("train", lambda: _train(run, prepared, settings, start_from, progress))
    summary = Summary(facts, (run.path / MODEL_FILE,), prepared.failed, run.warnings, prepared.count)
    searched = partial(kept_out, run, prepared.items, prepared.splits, "scan", run.path / MODEL_FILE)
    return Learned(summary, searched, facts.get("validation CPM"))


def _train(
    run: RunFolder, prepared: PreparedSet, settings: CtNodule, start_from: Path | None, progress: Progress | None = None
) -> dict[str, Any]:
    # Earlier sittings of an interrupted training count too.
    started = time.monotonic() - float(run.record["metrics"].get("training_s", 0))
    seed_everything(settings.learn.seed)
    net = load_model(model_path(start_from))[0].train() if start_from else NoduleNet(settings.net)
    learn = settings.learn
    if learn.batch == "auto":
        learn = learn.model_copy(update={"batch": _chosen_batch(run, net, settings)})
    cases, kept_out = prepared.part("train"), prepared.part("validation")
    patches = PatchDraws(
        cases,
        settings.sample,
        encode_patch,
        seed=learn.seed,
        length=learn.steps * int(learn.batch) * learn.devices,
        insert=inserter(settings),
        hard=hard_negatives(run, net, cases, settings) if start_from and settings.sample.hard_share else None,
    )
    scores: list[Score] = []

    def validate(kept: NoduleNet) -> Mapping[str, float]:
        score = validation_score(kept, kept_out, settings)
        if score is None:
            return {}
        scores.append(score)
        cpm = score.figures["cpm"].value
        run.note(validation_cpm=round(cpm, 4), training_s=round(time.monotonic() - started))
        if progress is not None:
            progress(len(scores), cpm)
        return {"cpm": cpm}

    learner = NoduleLearner(net, learn)
    try:
        figures = fit(learner, patches, run.path, validate)
    except SystemExit as ended:
        # What Lightning makes of Ctrl-C; to us it is an interruption that the same command resumes.
        raise KeyboardInterrupt from ended
    run.note(**{name: round(value, 5) for name, value in figures.items()})
    if not scores:
        validate(learner.kept.eval())
    seconds = round(time.monotonic() - started)
    card = model_card(run, prepared, settings, scores[-1] if scores else None, seconds)
    save_model(run.path / MODEL_FILE, learner.kept, card)
    return {
        "steps": learn.steps,
        "patches per step": int(learn.batch),
        "steps per second": round(figures.get("speed/steps_per_s", 0.0), 3),
        "time waiting for data": f"{100 * figures.get('speed/waiting_share', 0.0):.1f} %",
        "validation CPM": scores[-1].figures["cpm"].value if scores else "not measured: no validation cases",
        "training time": f"{seconds} s",
    }


def _chosen_batch(run: RunFolder, net: NoduleNet, settings: CtNodule) -> int:
    """What "auto" means in this run: measured once, so that a resumed training goes on with the same."""
    batch = run.record["metrics"].get("batch")
    if batch is None:
        learn = settings.learn
        batch = choose_batch(net, settings.sample.patch, learn.precision, pick_device(learn.device))
        run.note(batch=batch)
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


def validation_score(net: NoduleNet, cases: Sequence[Case], settings: CtNodule) -> Score | None:
    """The score of weights on cases that took no part in training; None without cases or lesions in them."""
    if not any(case.truth for case in cases):
        return None
    detector = NoduleDetector(net, settings.infer, pick_device(settings.infer.device))
    return score_cases(cases, search_all(detector, cases), settings.score)


def model_card(
    run: RunFolder, prepared: PreparedSet, settings: CtNodule, score: Score | None, seconds: int
) -> dict[str, Any]:
    """What a model file says of itself: data, settings, versions, domain, measured limits, operating points."""
    cases = prepared.part("train")
    if not cases:
        raise LesionkitError("the training split is empty; check splits.json")
    card: dict[str, Any] = {
        "recipe": "ct-nodule",
        "settings": _settings_without_path(settings),
        "inputs": {name: _without_path(value) for name, value in run.record["inputs"].items()},
        "versions": versions(),
        "seconds": seconds,
        "bank": bank_facts(settings),
        "training_cases": len(cases),
        "training_lesions": sum(len(case.truth or ()) for case in cases),
        "domain": Domain.of(cases).model_dump(mode="json"),
        "notice": "Research use only; not a medical device.",
    }
    if score is not None:
        card["validation"] = {
            "protocol": score.protocol,
            "counts": dict(score.counts),
            "figures": {name: [f.value, f.lower, f.upper] for name, f in score.figures.items()},
            "operating_points": [[p.name, p.threshold, p.x, p.y] for p in score.operating_points],
        }
    return card


def _without_path(value: Any) -> Any:
    return {k: v for k, v in value.items() if k != "path"} if isinstance(value, dict) else value


def _settings_without_path(settings: CtNodule) -> dict[str, Any]:
    """The bank's place is of no use elsewhere; what it held is told under "bank"."""
    sample = settings.sample.model_copy(update={"nodules": None})
    return settings.model_copy(update={"sample": sample}).model_dump(mode="json")
