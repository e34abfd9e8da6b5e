"""Operating points: thresholds that a model carries from its validation, and the one at which a search decides."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from pydantic import field_validator

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.evaluate.froc import froc
from lesionkit.evaluate.roc import roc
from lesionkit.evaluate.score import Figure, OperatingPoint
from lesionkit.evaluate.tally import Tally

RATES = (0.5, 1.0, 2.0, 4.0)
"""False positives per image of the points of a detector; the second is the default."""
SENSITIVITY, SPECIFICITY = 0.95, 0.90
"""Of the points of what gives one score per image; the first is the default (decisions/0020)."""


class DecideSettings(Settings):
    """Where the line is drawn between what is found and what is weaker."""

    at: float | str | None = None
    """The name of an operating point of the model, or a threshold of the score in [0, 1]; null: the model's default."""

    @field_validator("at", mode="before")
    @classmethod
    def _a_name_or_a_probability(cls, value: Any) -> Any:
        try:
            number = float(value)
        except (TypeError, ValueError):
            return value
        if isinstance(value, bool) or not 0 <= number <= 1:
            raise LesionkitError(
                f"decide.at must be the name of an operating point or a threshold in [0, 1], got {value}; leave it out "
                "for the model's default"
            )
        return number


@dataclass(frozen=True)
class StoredPoint:
    """A threshold of a model.

    Attributes:
        name: "1 false positive a scan".
        threshold: a score that is not below it counts.
        figures: what it gave where it was set, by name: sensitivity, false positives a scan, specificity.
    """

    name: str
    threshold: float
    figures: Mapping[str, Figure] = field(default_factory=dict)

    @property
    def point(self) -> OperatingPoint:
        """To be applied to new data."""
        return OperatingPoint(self.name, self.threshold, math.nan, math.nan)


@dataclass(frozen=True)
class OperatingPoints:
    """The thresholds of a model, and what they were set on.

    Attributes:
        default: name of the one that decides where nobody chooses.
        measured_on: numbers of images, patients and lesions.
    """

    points: tuple[StoredPoint, ...]
    default: str
    measured_on: Mapping[str, int]

    @classmethod
    def of(cls, tally: Tally) -> Self | None:
        """Set on images that the model has not learned from; None where they hold nothing true or nothing else.

        Of a detector they keep at most so many false positives an image; of what gives one score per image the
        strictest threshold of at least so much sensitivity and the loosest of at least so much specificity. A point
        that no threshold reaches is left out.
        """
        wanted = _per_image(tally) if tally.per_image else _per_rate(tally)
        kept = [(name, threshold) for name, threshold in wanted if math.isfinite(threshold)]
        if not kept:
            return None
        points = tuple(
            StoredPoint(name, threshold, tally.at(OperatingPoint(name, threshold, math.nan, math.nan), is_new=False))
            for name, threshold in kept
        )
        names = [name for name, _ in wanted]
        default = names[0] if tally.per_image else names[1]
        return cls(points, default if default in [p.name for p in points] else points[0].name, tally.counts)

    def named(self, name: str) -> StoredPoint:
        """The point of a name, however it is spaced and written in capitals.

        Raises:
            LesionkitError: there is none; lists the names.
        """
        found = [point for point in self.points if _plain(point.name) == _plain(name)]
        if not found:
            names = ", ".join(f"'{point.name}'" for point in self.points)
            raise LesionkitError(
                f"the model has no operating point '{name}'; decide.at must be one of {names}, or a threshold in [0, 1]"
            )
        return found[0]

    def to_card(self) -> dict[str, Any]:
        """What JSON can hold. Inverse of `from_card`."""
        points = [
            {"name": point.name, "threshold": point.threshold, "figures": figures_to_card(point.figures)}
            for point in self.points
        ]
        return {"default": self.default, "points": points, "measured_on": dict(self.measured_on)}

    @classmethod
    def from_card(cls, card: Mapping[str, Any]) -> Self:
        """The points that a model's card holds.

        Raises:
            LesionkitError: the entry is damaged.
        """
        try:
            points = tuple(
                StoredPoint(str(one["name"]), float(one["threshold"]), figures_from_card(one["figures"]))
                for one in card["points"]
            )
            return cls(points, str(card["default"]), {str(k): int(v) for k, v in card["measured_on"].items()})
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise LesionkitError(f"the operating points of the model are damaged ({error!r}); train again") from error


@dataclass(frozen=True)
class Decision:
    """At what score a search decides, and why there.

    Attributes:
        threshold: None where nothing decides.
        name: of the point, or "threshold 0.4".
        stored: what the model says of its points; None where it has none that hold.
        why: where nothing decides, in a sentence without its end: "the model has no operating points".
    """

    threshold: float | None = None
    name: str = ""
    stored: OperatingPoints | None = None
    why: str = "the model has no operating points"

    @classmethod
    def of(cls, at: float | str | None, stored: OperatingPoints | None, why: str = "") -> Self:
        """What the settings ask for and the model has.

        Raises:
            LesionkitError: a name that the model does not have.
        """
        why = why or cls.why
        if isinstance(at, float):
            return cls(at, f"threshold {at:g}", stored, why)
        if stored is None:
            if at is not None:
                raise LesionkitError(f"there is no operating point '{at}', for {why}; give a threshold in [0, 1]")
            return cls(why=why)
        point = stored.named(stored.default if at is None else at)
        return cls(point.threshold, point.name, stored, why)

    @property
    def point(self) -> StoredPoint | None:
        """The stored point that decides; None where a threshold was given, or nothing decides."""
        return next((p for p in self.stored.points if p.name == self.name), None) if self.stored else None

    def above(self, score: float) -> bool | None:
        """Whether a score counts; None where nothing decides.

        >>> Decision(0.5, "threshold 0.5").above(0.5), Decision().above(0.5)
        (True, None)
        """
        return None if self.threshold is None else score >= self.threshold

    def column(self, score: float) -> str:
        """What stands in the column `decided` of a table: 1, 0, or nothing where nothing decides."""
        above = self.above(score)
        return "" if above is None else str(int(above))

    def count(self, scores: Sequence[float]) -> int:
        """How many count; all where nothing decides."""
        return sum(self.above(score) is not False for score in scores)

    def sentence(self, scores: Sequence[float], noun: str) -> str:
        """What came out, in one line.

        >>> Decision(0.5, "1 false positive a scan").sentence([0.9, 0.5, 0.2], "finding")
        '2 findings at 1 false positive a scan; 1 weaker below'
        >>> Decision().sentence([0.9], "finding")
        'the model has no operating points: what was found is ranked, and nothing is decided'
        """
        if self.threshold is None:
            return f"{self.why}: what was found is ranked, and nothing is decided"
        above = self.count(scores)
        return f"{above} {noun}{'' if above == 1 else 's'} at {self.name}; {len(scores) - above} weaker below"


def figures_to_card(figures: Mapping[str, Figure]) -> dict[str, Any]:
    """Figures as JSON can hold them. Inverse of `figures_from_card`; what is not defined is None."""
    return {
        name: {"value": f.value if math.isfinite(f.value) else None, "lower": f.lower, "upper": f.upper, "note": f.note}
        for name, f in figures.items()
    }


def figures_from_card(card: Mapping[str, Any]) -> dict[str, Figure]:
    """See `figures_to_card`."""
    return {
        name: Figure(math.nan if f["value"] is None else float(f["value"]), f["lower"], f["upper"], f["note"])
        for name, f in card.items()
    }


def rate_point(rate: float, unit: str) -> str:
    """The name of a point of a detector.

    >>> rate_point(1.0, "scan"), rate_point(0.5, "scan")
    ('1 false positive a scan', '0.5 false positives a scan')
    """
    return f"{rate:g} false positive{'' if rate == 1 else 's'} a {unit}"


def _per_rate(tally: Tally) -> list[tuple[str, float]]:
    names = [rate_point(rate, tally.unit) for rate in RATES]
    if not tally.found.n_lesions:
        return [(name, math.inf) for name in names]
    curve = froc(tally.found)
    last = np.searchsorted(curve.x, np.array(RATES) + 1e-12, side="right") - 1
    return list(zip(names, curve.threshold[last].tolist(), strict=True))


def _per_image(tally: Tally) -> list[tuple[str, float]]:
    names = (f"sensitivity {SENSITIVITY:.0%}", f"specificity {SPECIFICITY:.0%}")
    spaced = [name.replace("%", " %") for name in names]
    score, truth = tally.scored
    if truth.all() or not truth.any():
        return [(name, math.inf) for name in spaced]
    curve = roc(truth, score)
    sensitive = int(np.flatnonzero(curve.y >= SENSITIVITY - 1e-12)[0])
    specific = int(np.flatnonzero(curve.x <= 1 - SPECIFICITY + 1e-12)[-1])
    return list(zip(spaced, (float(curve.threshold[i]) for i in (sensitive, specific)), strict=True))


def _plain(name: str) -> str:
    return "".join(name.lower().split())
