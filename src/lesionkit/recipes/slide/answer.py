"""The map of a slide -> its score, by a rule or a fitted aggregator, calibrated on validation slides."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.evaluate.roc import auc
from lesionkit.infer.aggregate import Aggregator, AggregatorSettings, fit_aggregator
from lesionkit.infer.calibrate import (
    Calibration,
    Method,
    Platt,
    calibration_of_card,
    calibration_to_card,
    fit_calibration,
)
from lesionkit.infer.logistic import Logistic
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.infer.slide_score import SlideScoreSettings, slide_features, slide_score

RULES = ("maximum", "quantile", "top area", "area")
NUMBERS = {"quantile": "quantile", "top area": "top_mm2", "area": "threshold"}
"""Rule -> the setting of `SlideScoreSettings` that its score depends on."""


class SlideAnswerSettings(Settings):
    """How a map becomes the score of its slide."""

    rule: SlideScoreSettings = SlideScoreSettings()
    by: Literal["rule", "best rule", "aggregator"] = "rule"
    """rule: the one above. best rule: the one with the highest AUC on validation slides. aggregator: a small model of
    features of the map, fitted on validation slides."""
    calibrate: bool = True
    """Make the score a probability, by a curve fitted on validation slides."""
    curve: Method = "platt"
    """Which curve. platt: a logistic one, which changes no order. isotonic: a rising line, which makes ties. z-score:
    deviations from the mean of validation slides, as the original's (row 4.20): no probability."""
    aggregator: AggregatorSettings = AggregatorSettings()
    fewest: int = Field(default=4, ge=2)
    """Validation slides with tumour, and without, below which nothing is fitted."""


@dataclass(frozen=True)
class Measured:
    """What is kept of the map of a slide: its score by each rule, and the features an aggregator sees."""

    rules: Mapping[str, float]
    features: Mapping[str, float]

    @classmethod
    def of(cls, found: ProbabilityMap, settings: SlideAnswerSettings) -> "Measured":
        """All rules and features of a map."""
        rules = {rule: slide_score(found, settings.rule.model_copy(update={"rule": rule})) for rule in RULES}
        return cls(rules, dict(slide_features(found)))


@dataclass(frozen=True)
class Answer:
    """How scores are made from what was measured; fitted on validation slides only.

    Attributes:
        rule: which rule ranks, where no aggregator does.
        aggregator: of features, or None.
        curve: from that number to a probability or a z-score, or None.
        fitted_on: validation slides with tumour, and without.
        score: the numbers of the rules when it was fitted.
    """

    rule: str
    aggregator: Aggregator | None = None
    curve: Calibration | None = None
    fitted_on: tuple[int, int] = (0, 0)
    score: SlideScoreSettings = field(default_factory=SlideScoreSettings)

    def __call__(self, measured: Measured) -> float:
        """The score of a slide: a probability where there is an aggregator or a curve other than z-scores."""
        raw = self.raw(measured)
        return raw if self.curve is None else float(self.curve([raw])[0])

    def raw(self, measured: Measured) -> float:
        """What the rule or the aggregator says, before the curve."""
        return self.aggregator(measured.features) if self.aggregator is not None else measured.rules[self.rule]

    def to_card(self) -> dict[str, Any]:
        """What JSON can hold. Inverse of `from_card`."""
        aggregator = self.aggregator and {
            "coefficients": dict(zip(self.aggregator.features, self.aggregator.model.coefficients, strict=True)),
            "intercept": self.aggregator.model.intercept,
            "ridge": self.aggregator.ridge,
        }
        curve = self.curve and calibration_to_card(self.curve)
        fitted = {"fitted_on": list(self.fitted_on), "score": self.score.model_dump(exclude={"rule"})}
        return {"rule": self.rule, "aggregator": aggregator, "curve": curve, **fitted}

    @classmethod
    def from_card(
        cls, card: Mapping[str, Any] | None, settings: SlideAnswerSettings, same_map: bool = True
    ) -> "Answer":
        """What a model's card says; the rule of the settings where it says nothing or another rule is asked for.

        The curve holds for the numbers it was fitted on alone: it is left out where the rule's number is another now.

        Args:
            same_map: maps are made as those were that the curve was fitted on; otherwise it is void too.
        """
        if card is None or (settings.by == "rule" and card["rule"] != settings.rule.rule):
            return cls(settings.rule.rule)
        held, curve, aggregator = card["aggregator"], card["curve"], None
        if settings.by == "aggregator" and held is not None:
            coefficients = {str(name): float(value) for name, value in held["coefficients"].items()}
            model = Logistic(tuple(coefficients.values()), float(held["intercept"]))
            aggregator = Aggregator(tuple(coefficients), model, float(held["ridge"]))
        wanted = curve is not None and settings.calibrate and curve.get("method", "platt") == settings.curve
        usable = wanted and same_map and (aggregator is None) == (held is None)
        # Cards that do not tell were fitted with the defaults.
        fitted = SlideScoreSettings.parse(dict(card.get("score", {})))
        number = None if held is not None else NUMBERS.get(card["rule"])
        usable = usable and (number is None or getattr(fitted, number) == getattr(settings.rule, number))
        positive, negative = card["fitted_on"]
        return cls(
            card["rule"], aggregator, calibration_of_card(curve) if usable else None, (positive, negative), fitted
        )


def fit_answer(
    measured: Sequence[Measured], positive: Sequence[bool], patients: Sequence[str], settings: SlideAnswerSettings
) -> tuple[Answer, list[str]]:
    """Fit what the settings ask for on validation slides; also sentences on what could not be fitted.

    Raises:
        LesionkitError: numbers of slides differ.
    """
    if not len(measured) == len(positive) == len(patients):
        raise LesionkitError(f"each of {len(measured)} slides needs a label and a patient")
    truth = np.asarray(positive, dtype=bool)
    counts = (int(truth.sum()), int((~truth).sum()))
    rule: str = settings.rule.rule
    if min(counts) < settings.fewest:
        return Answer(rule), [
            f"the score of slides is not fitted: that needs {settings.fewest} validation slides with tumour and as "
            f"many without, got {counts[0]} and {counts[1]}; it ranks slides, and is no probability"
        ]
    if settings.by == "best rule":
        areas = {name: auc(truth, np.array([one.rules[name] for one in measured])) for name in RULES}
        rule = max(areas, key=lambda name: (areas[name], name == settings.rule.rule))
    raw, aggregator, said = np.array([one.rules[rule] for one in measured]), None, []
    if settings.by == "aggregator":
        try:
            found = fit_aggregator([one.features for one in measured], truth, list(patients), settings.aggregator)
            aggregator, raw = found.aggregator, np.asarray(found.out_of_fold)
        except LesionkitError as error:
            said.append(f"no aggregator is fitted: {error}")
    curve: Calibration | None = None
    if settings.calibrate and raw.std() > 1e-12:
        curve = fit_calibration(raw, truth, settings.curve, "validation")
        # A falling curve would turn the order round; what ranks so badly is not calibrated.
        curve = None if isinstance(curve, Platt) and curve.slope <= 0 else curve
    return Answer(rule, aggregator, curve, counts, settings.rule), said
