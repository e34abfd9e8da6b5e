"""Operating points and calibration of a model, once for every kind of image: measured on images that it has not learned
from, kept in its card, and read from there by a search.

The card entries are `operating_points` (see `OperatingPoints`), `calibration` (a curve, and what it was fitted on) and
`measured` (figures with intervals). They hold for the settings that scores depend on (`Kind.basis`) alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads
from lesionkit.evaluate.points import DecideSettings, Decision, OperatingPoints, figures_to_card
from lesionkit.evaluate.reliability import reliability
from lesionkit.evaluate.score import Score
from lesionkit.evaluate.tally import Tally
from lesionkit.infer.calibrate import Calibration, calibration_of_card, calibration_to_card, fit_calibration
from lesionkit.recipes.base import Learned
from lesionkit.recipes.card import CALIBRATION, MEASURED, POINTS, shareable
from lesionkit.recipes.ensemble import complete_model, model_card
from lesionkit.recipes.foreign import foreign_allowed
from lesionkit.recipes.kind import Kind
from lesionkit.recipes.searching import F, Opened, S
from lesionkit.runs.models import model_of_run
from lesionkit.runs.old_names import kept_settings
from lesionkit.runs.records import record_file
from lesionkit.runs.run_folder import RunFolder

VALIDATION = "validation"
FEWEST = 4
"""True and false scores of validation, of each, below which no calibration is fitted."""


@dataclass(frozen=True, eq=False)
class Deciding(Generic[F]):
    """How the scores of a search are shown.

    Attributes:
        decision: where the line is drawn.
        curve: makes scores probabilities; None where none holds, or the kind calibrates by itself.
        warnings: sentences on what the card has and does not hold.
    """

    decision: Decision = field(default_factory=Decision)
    curve: Calibration | None = None
    warnings: tuple[str, ...] = ()

    def rescored(self, found: Sequence[F], kind: Kind[S, F, Opened]) -> list[F]:
        """What was found, with the scores that are shown."""
        if self.curve is None or kind.rescored is None:
            return list(found)
        return [kind.rescored(one, self.curve) for one in found]


@reads("a model with a card")
def deciding_of(model: Path, settings: S, kind: Kind[S, F, Opened]) -> Deciding[F]:
    """What a model's card and the settings say together.

    Raises:
        LesionkitError: an operating point that the model does not have, or a damaged card.
    """
    card = model_card(model)
    at = getattr(settings, "decide", DecideSettings()).at
    held: dict[str, Any] = {name: card.get(name) for name in (POINTS, CALIBRATION)}
    changed = changed_basis(card, settings, kind, model) if any(held.values()) else []
    if changed:
        what = " and ".join(name.replace("_", " ") for name, entry in held.items() if entry)
        why = f"the {what} of the model do not hold with other settings ({', '.join(changed)})"
        warning = f"{why}: scores are as the networks give them, and they were measured on others"
        return Deciding(Decision.of(at, None, why), warnings=(warning,))
    stored = OperatingPoints.from_card(held[POINTS]) if held[POINTS] else None
    curve = calibration_of_card(held[CALIBRATION]["curve"]) if held[CALIBRATION] else None
    return Deciding(Decision.of(at, stored), curve)


def changed_basis(card: Mapping[str, Any], settings: S, kind: Kind[S, F, Opened], model: Path) -> list[str]:
    """Names of the settings that scores depend on and that are others than the model's."""
    if "settings" not in card:
        return []
    of_model = type(settings).parse(shareable(kept_settings(type(settings), card["settings"], model)))
    before, now = kind.basis(of_model), kind.basis(settings)
    return [name for name in {**before, **now} if before.get(name) != now.get(name)]


def measured_entries(found: Sequence[F], model: Path, settings: S, kind: Kind[S, F, Opened]) -> dict[str, Any]:
    """The card entries that images give whose truth is known, searched by networks that have not learned from them.

    Args:
        found: with the scores as the networks give them.

    Raises:
        LesionkitError: nothing is known of any of them.
    """
    tally = kind.score(found, model, settings).tally
    if tally is None:
        raise LesionkitError(
            f"operating points are set on {kind.search.noun}s whose truth is known, but nothing is known of these "
            f"{len(found)}; give a truth with --truth, or put its tables beside the images"
        )
    curve = fitted(tally) if kind.rescored is not None else None
    shown = found
    if curve is not None and kind.rescored is not None:
        shown = [kind.rescored(one, curve) for one in found]
    return entries_of(tally, curve, kind.score(shown, model, settings).scores)


def entries_of(tally: Tally, curve: Calibration | None, scores: Mapping[str, Score]) -> dict[str, Any]:
    """The card entries of what networks said of images that they have not learned from.

    Args:
        tally: with the scores as the networks give them.
        curve: that makes them probabilities; None where none does.
        scores: of the same, by protocol.
    """
    tally = tally if curve is None else tally.mapped(curve)
    points = OperatingPoints.of(tally)
    kept = None if curve is None else {"curve": calibration_to_card(curve), "fitted_on": _counts_of(tally)}
    return {POINTS: points and points.to_card(), CALIBRATION: kept, MEASURED: _figures(scores, tally)}


def fitted(tally: Tally) -> Calibration | None:
    """A curve of the logit of scores; none of too few, nor one that would turn their order round."""
    score, truth = tally.scored
    if min(truth.sum(), (~truth).sum()) < FEWEST or score.std() < 1e-12:
        return None
    curve: Any = fit_calibration(score, truth, "logit", "validation")
    return curve if curve.slope > 0 else None


def _counts_of(tally: Tally) -> dict[str, int]:
    truth = tally.scored[1]
    return {"true": int(truth.sum()), "false": int((~truth).sum())}


def _figures(scores: Mapping[str, Score], tally: Tally) -> dict[str, Any]:
    """Figures of validation by protocol, and how far scores are from probabilities."""
    told: dict[str, Any] = {name: figures_to_card(score.figures) for name, score in scores.items()}
    reliable = reliability(tally)
    brier = {} if reliable is None else {"Brier score": reliable.brier, "mean gap to probabilities": reliable.gap}
    return {"on": tally.counts, "figures": told, "reliability": brier}


def complete_from(
    model: Path, found: Sequence[F], settings: S, kind: Kind[S, F, Opened], entries: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Measure a model on what was found with it, and write the entries into its card; returns them.

    Args:
        settings: that it was searched with.
        entries: further ones, such as `data` and `limits`.

    Raises:
        LesionkitError: it was searched with other settings than the model's, or nothing is known.
    """
    changed = changed_basis(model_card(model), settings, kind, model)
    if changed:
        raise LesionkitError(
            f"a model is measured with its own settings, but it was searched with another {', '.join(changed)}; "
            "search again without changing them"
        )
    measured = measured_entries(found, model, settings, kind)
    complete_model(model, {**measured, **(entries or {})})
    return measured


def set_points(run: RunFolder, learned: Learned, settings: S, kind: Kind[S, F, Opened]) -> tuple[str, ...]:
    """Search the images that validate a training and write what they say into the card of its model, once.

    Returns:
        Sentences where there is nothing to measure on.
    """
    _, plan = learned.validation()

    def step() -> Mapping[str, Any]:
        if not plan:
            return {"none": f"no {kind.search.noun} validates, so the model has no operating points"}
        folder = run.path / VALIDATION
        failed = kind.search.many(plan, foreign_allowed(settings), folder)
        left = [item for item, _ in plan if item.case_id not in failed]
        found = [kind.search.read(record_file(folder, item.case_id), item) for item in left]
        try:
            entries = complete_from(model_of_run(run.path), found, settings, kind)
        except LesionkitError as error:
            return {"none": f"the model has no operating points: {error}", "failed": failed}
        none = "" if entries[POINTS] else "validation has too little to set operating points on, so the model has none"
        return {f"{kind.search.noun}s": len(left), **({"none": none} if none else {}), "failed": failed}

    said = str(run.once("points", step).get("none", ""))
    if said:
        run.warn(said)
    return (said,) if said else ()
