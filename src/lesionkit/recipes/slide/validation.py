"""What a training of slides is judged by while it learns, and what its model says of itself."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lesionkit.evaluate.roc import auc_figure
from lesionkit.infer.patch_scores import score_patches
from lesionkit.nets.patch_net import PatchNet
from lesionkit.recipes.card import card_of_run, without_path
from lesionkit.recipes.ensemble import NetPlan
from lesionkit.recipes.slide.case import PreparedSlide
from lesionkit.recipes.slide.data import SlideSet
from lesionkit.recipes.slide.patches import Draws, Labelled, pack_slides
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.runs.fingerprint import fingerprint
from lesionkit.runs.run_folder import RunFolder

AREA = "validation AUC of patches"
_VALIDATION_SEED = 7_654_321

Told: TypeAlias = Callable[[float], None]
"""Is told each AUC of validation patches."""


@dataclass(frozen=True, eq=False)
class Learners:
    """What the networks of a run learn from: slides, labelled patches, or both.

    Attributes:
        told: is told each AUC of validation patches.
    """

    run: RunFolder
    held: SlideSet | None
    labelled: Labelled | None
    told: Told | None = None

    def slides(self, plan: NetPlan[SlideMetastasis], part: str) -> dict[str, PreparedSlide]:
        """The slides that a network learns from, or that validate it."""
        if self.held is None:
            return {}
        return (self.held.leaving_out(plan.fold) if plan.fold else self.held).part(part)

    @property
    def all_slides(self) -> dict[str, PreparedSlide]:
        """The slides that any network learns from: of all folds, every slide."""
        if self.held is None:
            return {}
        return {k: v for part in self.held.splits.folds or ("train",) for k, v in self.held.part(part).items()}

    def packed(self, settings: SlideMetastasis) -> Path | None:
        """Where their patches are packed; None where the settings do not ask for it."""
        slides = self.all_slides
        return pack_slides(self.run, slides, settings) if slides and settings.draw.packed else None


class Judge:
    """How good a net is on patches that took no part: one fixed draw from validation slides, and labelled patches."""

    auc: float | None = None

    def __init__(self, shown: Learners, plan: NetPlan[SlideMetastasis], started: float) -> None:
        self.shown, self.plan, self.started = shown, plan, started
        self.sets: list[Any] = []
        self.names: list[str] = []
        self.truths: dict[int, NDArray[np.bool_]] = {}
        slides, labelled, draw = shown.slides(plan, "validation"), shown.labelled, plan.settings.draw
        if any(slide.has_tumour for slide in slides.values()):
            draws = Draws(slides, None, plan.settings)
            rows = draws.rows(draw.validation, np.random.default_rng(_VALIDATION_SEED))
            self.sets.append(draws.read(rows))
            self.names.append("auc")
        if labelled is not None:
            self.sets.append(labelled.part(labelled.validation[: draw.validation]))
            # Beside slides that hold no tumour, or alone, labelled patches keep their name.
            self.names.append("labelled_auc" if slides else "auc")

    @property
    def can_judge(self) -> bool:
        """Whether there is anything to judge on."""
        return bool(self.sets)

    def __call__(self, net: PatchNet) -> Mapping[str, float]:
        """The AUC of the patches, and beside it that of each kind."""
        figures, learn = {}, self.plan.settings.learn
        for number, (name, patches) in enumerate(zip(self.names, self.sets, strict=True)):
            scores = score_patches(net, patches, learn.batch, learn.middle_px)
            truth = self._truth(number)
            if truth.any() and not truth.all():
                figures[name] = auc_figure(truth, scores.astype(float)).value
        noted = {self.plan.called(f"validation_{name}"): round(value, 4) for name, value in figures.items()}
        seconds = round(time.monotonic() - self.started)
        self.shown.run.note(**noted, **{self.plan.called("training_s"): seconds})
        if "auc" in figures:
            self.auc = figures["auc"]
            if self.shown.told is not None:
                self.shown.told(self.auc)
        return figures

    def _truth(self, number: int) -> NDArray[np.bool_]:
        if number not in self.truths:
            patches = self.sets[number]
            self.truths[number] = np.array([float(patches[n]["label"]) > 0 for n in range(len(patches))])
        return self.truths[number]


def model_card(shown: Learners, plan: NetPlan[SlideMetastasis], seconds: int) -> dict[str, Any]:
    """What the file of a network says of itself: data, settings, versions, measured limits."""
    return _card(shown, shown.slides(plan, "train"), plan.settings, seconds)


def ensemble_card(shown: Learners, settings: SlideMetastasis, each: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """What `ensemble.json` says, before scores are fitted.

    Args:
        each: what was told of the training of each network, by its name.
    """
    seconds = sum(int(str(facts["training time"]).split()[0]) for facts in each.values())
    areas = {f"{AREA}, {name}": facts[AREA] for name, facts in each.items()}
    return _card(shown, shown.all_slides, settings, seconds) | {"validation": areas, "answers": {}, "mean answer": None}


def _card(
    shown: Learners, slides: Mapping[str, PreparedSlide], settings: SlideMetastasis, seconds: int
) -> dict[str, Any]:
    card: dict[str, Any] = {**card_of_run(shown.run, settings), "seconds": seconds}
    if settings.labelled is not None:
        folders = settings.labelled if isinstance(settings.labelled, tuple) else (settings.labelled,)
        prints = [without_path(fingerprint(folder)) for folder in folders]
        card["inputs"]["labelled"] = prints[0] if len(prints) == 1 else prints
    if shown.held is not None:
        card["training_slides"] = len(slides)
        card["training_patients"] = len({slide.entry.patient_id for slide in slides.values()})
        card["training_slides_with_tumour"] = sum(slide.has_tumour for slide in slides.values())
        card["domain"] = {"mpp": _range([slide.facts["mpp"] for slide in slides.values()]), "um": settings.um}
    if shown.labelled is not None:
        card["training_labelled_patches"] = len(shown.labelled.train)
    return card


def _range(values: Sequence[float]) -> list[float]:
    return [min(values), max(values)] if values else []
