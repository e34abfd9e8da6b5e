"""Trained networks and the validation slides -> how maps become scores of slides, kept in the card of the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.roc import auc_figure
from lesionkit.nets.model_file import complete_card
from lesionkit.recipes.attempts import refuse_none
from lesionkit.recipes.ensemble import NetPlan, model_card, plans_of, write_ensemble
from lesionkit.recipes.slide.answer import Answer, Measured, fit_answer
from lesionkit.recipes.slide.case import PreparedSlide
from lesionkit.recipes.slide.data import VALIDATION, SlideSet
from lesionkit.recipes.slide.score import known_of, score_slides_found
from lesionkit.recipes.slide.scorer import read_scorer
from lesionkit.recipes.slide.search import SLIDE_SEARCH, FoundSlide
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.slide.truth import item_of_entry
from lesionkit.runs.models import ENSEMBLE_FILE, model_of_run
from lesionkit.runs.records import record_file
from lesionkit.runs.run_folder import RunFolder


def fit_scores(run: RunFolder, held: SlideSet, settings: SlideMetastasis) -> Mapping[str, Any]:
    """Search the validation slides and fit what makes scores of their maps; done once, nothing without such slides.

    Of all folds, each one's slides are searched by the networks that have not learned from it, and one curve per
    member is fitted on them together.
    """
    plans = plans_of(settings, held.splits.folds, settings.mine.rounds + 1)
    slides = validation_slides(held, plans)
    if not slides:
        run.warn("no slide validates, so the score of slides is that of the rule, not calibrated")
        return {}

    def fit() -> Mapping[str, Any]:
        failed = _search(run, held, settings, plans)
        refuse_none(failed, len(slides), "validation slide", "searched")
        names = [name for name in slides if name not in failed]
        found = [SLIDE_SEARCH.read(record_file(run.path / VALIDATION, name)) for name in names]
        fitting = _Fitting(run, [slides[name] for name in names], settings)
        told = _fit_several(fitting, plans, found) if plans[0].name else _fit_one(fitting, plans[0], found)
        return {**told, "failed": failed}

    facts = dict(run.once("fit", fit))
    facts.pop("failed", None)
    return facts


def validation_slides(held: SlideSet, plans: Sequence[NetPlan[SlideMetastasis]]) -> dict[str, PreparedSlide]:
    """Those that some network of the run has not learned from, to choose and to fit by."""
    trained = dict.fromkeys(plan.fold for plan in plans)
    return {name: slide for part in trained for name, slide in held.part(part or "validation").items()}


def _search(
    run: RunFolder, held: SlideSet, settings: SlideMetastasis, plans: Sequence[NetPlan[SlideMetastasis]]
) -> dict[str, str]:
    """Search each validation slide by all networks that it validates; which failed why."""
    failed: dict[str, str] = {}
    for fold in held.splits.folds or ("",):
        slides = held.part(fold or "validation")
        nets = tuple(plan.net(run.path) for plan in plans if plan.fold == fold)
        if nets:
            asked = [(item_of_entry(slide.entry), nets) for slide in slides.values()]
            failed |= SLIDE_SEARCH.many(asked, settings, run.path / VALIDATION)
    return failed


@dataclass(frozen=True)
class _Fitting:
    """What scores are fitted on: validation slides, each with its truth and its patient."""

    run: RunFolder
    slides: Sequence[PreparedSlide]
    settings: SlideMetastasis

    @property
    def truth(self) -> list[bool]:
        return [slide.has_tumour for slide in self.slides]

    def answer(self, measured: Sequence[Measured]) -> Answer:
        """Fitted on one map of each slide."""
        patients = [slide.entry.patient_id for slide in self.slides]
        answer, said = fit_answer(measured, self.truth, patients, self.settings.answer)
        for sentence in said:
            self.run.warn(sentence)
        return answer

    def area(self, name: str, scores: Sequence[float]) -> dict[str, Any]:
        """The AUC of one score per slide as a fact; none where the slides are all of one kind."""
        if len(set(self.truth)) < 2:
            return {}
        area = auc_figure(np.array(self.truth), np.array(scores)).value
        return {f"validation AUC of slides{name}": round(area, 4)}


def _fit_one(fitting: _Fitting, plan: NetPlan[SlideMetastasis], found: Sequence[FoundSlide]) -> dict[str, Any]:
    answer = fitting.answer([one.measured for one in found])
    keep_answer(plan.file(fitting.run.path), answer)
    area = fitting.area(f" by rule {answer.rule}", [one.measured.rules[answer.rule] for one in found])
    return {"slide score": "aggregator" if answer.aggregator else f"rule {answer.rule}", **area}


def _fit_several(
    fitting: _Fitting, plans: Sequence[NetPlan[SlideMetastasis]], found: Sequence[FoundSlide]
) -> dict[str, Any]:
    answers: dict[str, Answer] = {}
    told: dict[str, Any] = {}
    for member in dict.fromkeys(plan.member for plan in plans):
        names = [plan.name for plan in plans if plan.member == member]
        # Each slide was measured by the one network of a member that has not learned from it, if it has one for it.
        by = [next((one.members[name] for name in names if name in one.members), None) for one in found]
        measured = [one for one in by if one is not None]
        of_member = replace(fitting, slides=[s for s, one in zip(fitting.slides, by, strict=True) if one is not None])
        answers[member] = of_member.answer(measured)
        told |= of_member.area(f", {member}", [answers[member].raw(one) for one in measured])
    mean, model = fitting.answer([one.measured for one in found]), fitting.run.path / ENSEMBLE_FILE
    for plan in plans:
        keep_answer(plan.file(fitting.run.path), answers[plan.member])
    cards = {"answers": {name: answer.to_card() for name, answer in answers.items()}, "mean answer": mean.to_card()}
    write_ensemble(model, [plan.net(fitting.run.path) for plan in plans], model_card(model) | cards)
    score_of = read_scorer(model, fitting.settings)
    told |= fitting.area(", together", [score_of(one) for one in found])
    return {"slide score": fitting.settings.ensemble.score, **told}


def validation_froc(run: RunFolder, held: SlideSet, settings: SlideMetastasis) -> float:
    """The exact FROC of the lesions of validation slides, which `fit_scores` has searched.

    Raises:
        LesionkitError: none of them holds tumour.
    """
    score_of = read_scorer(model_of_run(run.path), settings)
    slides = validation_slides(held, plans_of(settings, held.splits.folds))
    folder = run.path / VALIDATION
    files = {name: record_file(folder, name) for name in slides}
    found = [SLIDE_SEARCH.read(file, item_of_entry(slides[n].entry)) for n, file in files.items() if file.is_file()]
    scores = {one.slide_id: score_of(one) for one in found}
    scored = score_slides_found(found, scores, known_of(found, settings)[0], settings)
    if "exact" not in scored:
        raise LesionkitError(f"none of {len(slides)} validation slides has drawn tumour, so there is no FROC to sweep")
    return scored["exact"].figures["cpm"].value


def keep_answer(model: Path, answer: Answer) -> None:
    """Write into a model's card how scores follow from its maps; what else its file holds stays."""
    complete_card(model, {"answer": answer.to_card()})
