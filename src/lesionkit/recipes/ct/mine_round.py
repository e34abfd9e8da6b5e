"""A network and its training cases -> what it gets wrong there, to be shown again in the next round.

Only cases that the network learns from are looked at. Marks of any other, those that validate it among them, are
refused wherever they come from.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.lesion import Candidate
from lesionkit.engine.progress import progress
from lesionkit.infer.detectors import Detector
from lesionkit.recipes.ct.mine import false_positives
from lesionkit.recipes.ct.mined_table import Example, counts_of, mined_file, places_of, read_examples, write_examples
from lesionkit.recipes.ct.rounds_settings import MineSettings
from lesionkit.recipes.ensemble import NetPlan
from lesionkit.runs.records import file_name
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.mine import chosen_alarms, score_at_rate
from lesionkit.sample.mined_draws import MinedPlaces
from lesionkit.sample.split import Splits

C = TypeVar("C", bound=Any)
_AROUND_MM = 4.0


def mine_round(
    run: RunFolder,
    plan: NetPlan[C],
    number: int,
    detector: Callable[[], Detector],
    cases: Sequence[Case],
    splits: Splits,
    folder: Path,
) -> list[Example]:
    """What a network got wrong after a round, kept in the run folder; by the rule "none" nothing is looked for.

    Args:
        plan: of the network; its settings have the group `mine`.
        number: of the round that is over, from 1.
        detector: makes what is to be wrong.
        cases: that it learns from.
        folder: gets what was found in each case, so that an interrupted search goes on.

    Raises:
        LesionkitError: a case is not one that it learns from.
    """
    refuse_others([case.case_id for case in cases], splits, plan.fold)
    mine: MineSettings = plan.settings.mine
    file = mined_file(run.path, number, plan.name)

    def step() -> Mapping[str, Any]:
        looked_at = [case for case in cases if case.truth is not None] if mine.rule != "none" else []
        found = _found(detector, looked_at, folder)
        rng = np.random.default_rng([plan.settings.learn.seed, number])
        examples = examples_of(found, looked_at, mine, number, plan.name, rng)
        write_examples(file, examples)
        return {"scans": len(looked_at), **counts_of(examples)}

    run.once(plan.called(f"mine {number}"), step)
    return read_examples(file)


def examples_of(
    found: Mapping[str, Sequence[Candidate]],
    cases: Sequence[Case],
    mine: MineSettings,
    number: int,
    network: str,
    rng: np.random.Generator,
) -> list[Example]:
    """The examples of a round: false positives by the rule, and every true lesion as missed, weak or easy.

    Args:
        found: candidates by case id, strongest first.
        cases: that were looked at; each has a known truth.
    """
    alarms = [(case.case_id, one) for case in cases for one in false_positives(case, found[case.case_id])]
    scores = [one.score for _, one in alarms]
    chosen = chosen_alarms(mine.rule, [name for name, _ in alarms], scores, len(cases), mine.per_scan, rng)
    examples = [
        Example(name, _place(one.centre_mm), one.diameter_mm, one.score, "false positive", number, network)
        for (name, one), shown in zip(alarms, chosen, strict=True)
        if shown
    ]
    line = score_at_rate(scores, len(cases), mine.per_scan) if cases else 0.0
    lesions = [
        (case.case_id, lesion, _score_of(lesion.centre_mm, lesion.radius_mm, found[case.case_id]))
        for case in cases
        for lesion in case.truth or ()
    ]
    known = sorted(score for _, _, score in lesions if score is not None)
    weakest = int(np.ceil(mine.weakest_share * len(known)))
    below = known[weakest - 1] if weakest else -np.inf
    for name, lesion, score in lesions:
        weak = score is not None and (score < line or score <= below)
        kind: Any = "missed" if score is None else "weak" if weak else "easy"
        diameter = lesion.diameter_mm if lesion.diameter_mm > 0 else None
        examples.append(Example(name, _place(lesion.centre_mm), diameter, score, kind, number, network))
    return examples


def is_something(examples: Sequence[Example]) -> bool:
    """Whether a network was wrong at all: the weakest of lesions that were all found alone are no mistake."""
    wrong = counts_of(examples)
    return bool(wrong["false positive"] or wrong["missed"])


def mined_places(examples: Sequence[Example], plan: NetPlan[C], splits: Splits) -> MinedPlaces:
    """The examples as patches are drawn from, with those of the table that `mine.also` names.

    Raises:
        LesionkitError: an example lies in a case that the network does not learn from.
    """
    mine: MineSettings = plan.settings.mine
    also = read_examples(mine.also) if mine.also is not None else []
    every = [*examples, *(one for one in also if one.network in ("", plan.name))]
    refuse_others([one.case_id for one in every], splits, plan.fold)
    return MinedPlaces(
        places_of(every, "false positive"), places_of(every, "missed", "weak"), mine.alarm_share, mine.lesion_share
    )


def refuse_others(case_ids: Sequence[str], splits: Splits, fold: str) -> None:
    """Refuse cases that a network does not learn from, before anything is mined of them.

    Args:
        fold: that the network leaves out; "" where there are no folds.

    Raises:
        LesionkitError: names the first, and what it is for.
    """
    learn = set(splits.leave_out(fold)[0])
    for case_id in case_ids:
        if case_id not in learn:
            part = next((name for name, cases in splits.parts.items() if case_id in cases), "")
            what = f"is of the part '{part}', which is kept from it" if part else "is none of this data set"
            raise LesionkitError(
                f"mining reads only cases that a network learns from, but marks of '{case_id}' were offered, which "
                f"{what}; leave them out"
            )


def _found(detector: Callable[[], Detector], cases: Sequence[Case], folder: Path) -> dict[str, list[Candidate]]:
    """Candidates by case id; each case is searched once, also by a later sitting."""
    files = {case.case_id: folder / f"{file_name(case.case_id)}.json" for case in cases}
    ready: Detector | None = None
    with progress("mining", len(cases)) as done:
        for case in cases:
            file = files[case.case_id]
            if not file.is_file():
                ready = ready or detector()
                marks = [[list(c.centre_mm), c.score, c.diameter_mm] for c in ready.find(case)]
                write_text(file, json.dumps(marks) + "\n")
            done()
    return {
        name: [Candidate(tuple(place), *rest) for place, *rest in json.loads(file.read_text(encoding="utf-8"))]
        for name, file in files.items()
    }


def _score_of(centre_mm: Sequence[float], radius_mm: float, found: Sequence[Candidate]) -> float | None:
    """The highest score of what lies within a lesion's radius, or within 4 mm of its centre; None: nothing does."""
    reach = max(radius_mm, _AROUND_MM)
    return max((c.score for c in found if np.linalg.norm(np.subtract(c.centre_mm, centre_mm)) <= reach), default=None)


def _place(centre_mm: Sequence[float]) -> tuple[float, float, float]:
    x, y, z = (float(value) for value in centre_mm)
    return x, y, z
