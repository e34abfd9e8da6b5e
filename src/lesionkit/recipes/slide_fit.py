"""A trained network and the validation slides -> how maps become scores of slides, kept in the model's card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.roc import auc_figure
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.weights import load_net, read_card, save_model
from lesionkit.recipes.run_folder import RunFolder
from lesionkit.recipes.slide_answer import Answer, fit_answer
from lesionkit.recipes.slide_search import RECORDS, read_record, search_all
from lesionkit.recipes.slide_set import SlideSet, first_of
from lesionkit.recipes.slide_settings import MODEL_FILE, SlideMetastasis

VALIDATION = "validation"


def fit_scores(run: RunFolder, held: SlideSet, settings: SlideMetastasis) -> Mapping[str, Any]:
    """Search the validation slides and fit what makes scores of their maps; done once, nothing without such slides."""
    slides = held.part("validation")
    if not slides:
        run.warn("no slide validates, so the score of slides is that of the rule, not calibrated")
        return {}
    model, out = run.path / MODEL_FILE, run.path / VALIDATION

    def fit() -> Mapping[str, Any]:
        paths = {name: slide.entry.path for name, slide in slides.items()}
        outcomes = list(search_all(paths, settings, model, out))
        failed = {o.item[0]: o.error for o in outcomes if o.error}
        if len(failed) == len(slides):
            raise LesionkitError(f"none of {len(failed)} validation slides can be searched; {first_of(failed)}")
        names = [name for name in slides if name not in failed]
        measured = [read_record(out / RECORDS / f"{name}.json").measured for name in names]
        truth = [slides[name].has_tumour for name in names]
        answer, said = fit_answer(measured, truth, [slides[n].entry.patient_id for n in names], settings.answer)
        for sentence in said:
            run.warn(sentence)
        _keep(model, answer)
        told: dict[str, Any] = {"slide score": "aggregator" if answer.aggregator else f"rule {answer.rule}"}
        if any(truth) and not all(truth):
            area = auc_figure(np.array(truth), np.array([one.rules[answer.rule] for one in measured])).value
            told[f"validation AUC of slides by rule {answer.rule}"] = round(area, 4)
        return {**told, "failed": failed}

    facts = dict(run.once("fit", fit))
    facts.pop("failed", None)
    return facts


def read_answer(model: Path, settings: SlideMetastasis) -> Answer:
    """How scores are made with a model."""
    return Answer.from_card(read_card(model).get("answer"), settings.answer)


def _keep(model: Path, answer: Answer) -> None:
    net, card = load_net(model, PatchNet)
    save_model(model, net, {**card, "answer": answer.to_card()})
