"""Prepared slides, labelled patches, or both -> a trained network with its card."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings
from lesionkit.evaluate.roc import auc_figure
from lesionkit.infer.patch_scores import score_patches
from lesionkit.learn.patches import FittedPatches, fit_patches
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.weights import load_net, save_model
from lesionkit.read.patch_set import is_patch_set
from lesionkit.recipes.base import Summary
from lesionkit.recipes.fingerprint import fingerprint
from lesionkit.recipes.run_folder import RunFolder
from lesionkit.recipes.slide_fit import fit_scores
from lesionkit.recipes.slide_mine import mined
from lesionkit.recipes.slide_patches import Draws, Labelled, pack_labelled, pack_slides
from lesionkit.recipes.slide_prepare import write_statistics
from lesionkit.recipes.slide_set import SlideSet, prepared_slides
from lesionkit.recipes.slide_settings import MODEL_FILE, NAME, SlideMetastasis, model_path
from lesionkit.recipes.versions import versions
from lesionkit.sample.slide_batches import PatchBatches

_VALIDATION_SEED = 7_654_321


def train(run: RunFolder, data: Path, settings: SlideMetastasis, start_from: Path | None) -> Summary:
    """See `Recipe.train`; DATA may be a folder of labelled patches instead of slides."""
    held = None if is_patch_set(data) else prepared_slides(run, data, settings)
    if held is not None:
        run.once("statistics", lambda: write_statistics(run, held, settings))
    folder = data if held is None else settings.labelled
    labelled = pack_labelled(run, folder, settings) if folder is not None else None
    facts = run.once("train", lambda: _train(run, held, labelled, settings, start_from))
    if held is not None:
        facts = {**facts, **fit_scores(run, held, settings)}
    elif settings.mine.rounds:
        run.warn("hard negatives are mined on slides; labelled patches alone have none")
    paths = (run.path / MODEL_FILE,)
    if held is None:
        return Summary(facts, paths, {}, run.warnings, 1)
    return Summary(facts, paths, held.failed, tuple(dict.fromkeys((*run.warnings, *held.warnings))), held.count)


def _train(
    run: RunFolder,
    held: SlideSet | None,
    labelled: Labelled | None,
    settings: SlideMetastasis,
    start_from: Path | None,
) -> dict[str, Any]:
    # Earlier sittings of an interrupted training count too.
    started = time.monotonic() - float(run.record["metrics"].get("training_s", 0))
    slides = held.part("train") if held is not None else {}
    packed = pack_slides(run, slides, settings) if slides and settings.draw.packed else None
    net = load_net(model_path(start_from), PatchNet)[0] if start_from else PatchNet(settings.net)
    judge = _Judge(run, held, labelled, settings, started)
    hard, fitted = None, None
    for number in range(settings.mine.rounds + 1):
        folder = run.path if number == 0 else run.path / f"round-{number}"
        if number and fitted is not None:
            hard = mined(run, number, fitted.net, slides, settings, hard)
            # An average of weights takes no gradients; what is learned from does.
            net = fitted.net.requires_grad_(True)
        draws = Draws(slides, labelled, settings, hard=hard, packed=packed)
        fitted = _fit(net, folder, draws, settings, judge)
    if fitted is None:
        raise LesionkitError(f"mine.rounds must be 0 or more, got {settings.mine.rounds}")
    figures = {name: round(float(value), 5) for name, value in fitted.figures.items()}
    run.note(**figures)
    seconds = round(time.monotonic() - started)
    auc = judge.auc if judge.auc is not None else judge(fitted.net).get("auc")
    card = _card(run, held, labelled, settings, seconds) | ({} if auc is None else {"validation": {"patch AUC": auc}})
    save_model(run.path / MODEL_FILE, fitted.net, card)
    return {
        "steps": int(figures.get("steps", settings.learn.steps)),
        "steps per second": round(figures.get("speed/steps_per_s", 0.0), 3),
        "time waiting for data": f"{100 * figures.get('speed/waiting_share', 0.0):.1f} %",
        "validation AUC of patches": "not measured: no validation patches" if auc is None else round(auc, 4),
        "training time": f"{seconds} s",
    }


def _fit(net: PatchNet, folder: Path, draws: Draws, settings: SlideMetastasis, judge: "_Judge") -> FittedPatches:
    learn = settings.learn
    length = learn.steps * learn.devices
    batches = PatchBatches(draws, learn.batch, length, settings.augment, learn.seed)
    try:
        return fit_patches(net, folder, learn, batches, judge if judge.can_judge else None)
    except SystemExit as ended:
        # What Lightning makes of Ctrl-C; to us it is an interruption that the same command resumes.
        raise KeyboardInterrupt from ended


class _Judge:
    """How good a net is on patches that took no part: one fixed draw from validation slides, and labelled patches."""

    def __init__(
        self,
        run: RunFolder,
        held: SlideSet | None,
        labelled: Labelled | None,
        settings: SlideMetastasis,
        started: float,
    ) -> None:
        self.run, self.settings, self.started, self.auc = run, settings, started, None
        self.sets: list[Any] = []
        slides = held.part("validation") if held is not None else {}
        if any(slide.has_tumour for slide in slides.values()):
            draws = Draws(slides, None, settings)
            rows = draws.rows(settings.draw.validation, np.random.default_rng(_VALIDATION_SEED))
            self.sets.append(draws.read(rows))
        if labelled is not None:
            self.sets.append(labelled.part(labelled.validation[: settings.draw.validation]))

    auc: float | None

    @property
    def can_judge(self) -> bool:
        """Whether there is anything to judge on."""
        return bool(self.sets)

    def __call__(self, net: PatchNet) -> Mapping[str, float]:
        """The AUC of the patches, and beside it that of each kind."""
        figures = {}
        for name, patches in zip(("auc", "labelled_auc"), self.sets, strict=False):
            scores = score_patches(net, patches, self.settings.learn.batch, self.settings.learn.middle_px)
            truth = np.array([float(patches[number]["label"]) > 0 for number in range(len(patches))])
            if truth.any() and not truth.all():
                figures[name] = auc_figure(truth, scores.astype(float)).value
        if "auc" in figures:
            self.auc = figures["auc"]
        noted = {f"validation_{name}": round(value, 4) for name, value in figures.items()}
        self.run.note(**noted, training_s=round(time.monotonic() - self.started))
        return figures


def _card(
    run: RunFolder, held: SlideSet | None, labelled: Labelled | None, settings: SlideMetastasis, seconds: int
) -> dict[str, Any]:
    """What a model file says of itself: data, settings, versions, measured limits. Paths of a machine stay out."""
    told = settings.model_dump(mode="json")
    # What held for this data set and this machine only is not handed on to those who search with the model.
    told["labelled"], told["engine"] = None, EngineSettings().model_dump(mode="json")
    told["read"]["mpp"] = None
    card: dict[str, Any] = {
        "recipe": NAME,
        "settings": told,
        "inputs": {name: _without_path(value) for name, value in run.record["inputs"].items()},
        "versions": versions(),
        "seconds": seconds,
        "notice": "Research use only; not a medical device.",
    }
    if settings.labelled is not None:
        card["inputs"]["labelled"] = _without_path(fingerprint(settings.labelled))
    if held is not None:
        slides = held.part("train").values()
        card["training_slides"] = len(slides)
        card["training_slides_with_tumour"] = sum(slide.has_tumour for slide in slides)
        card["domain"] = {"mpp": _range([slide.facts["mpp"] for slide in slides]), "um": settings.um}
    if labelled is not None:
        card["training_labelled_patches"] = len(labelled.train)
    return card


def _range(values: Sequence[float]) -> list[float]:
    return [min(values), max(values)] if values else []


def _without_path(value: Any) -> Any:
    return {k: v for k, v in value.items() if k != "path"} if isinstance(value, dict) else value
