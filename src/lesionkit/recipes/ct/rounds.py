"""Rounds of training: each network learns, is searched for what it gets wrong on its training cases, and learns again.

After System 2, which trains one network anew on what the round before got wrong, from its weights. Its rule for
choosing is not published; ours is `mine.rule`. Every recipe of CT that gives a function for one round has them.
"""

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text
from lesionkit.evaluate.compare import difference
from lesionkit.evaluate.score import Figure, Score
from lesionkit.infer.detectors import load_detector
from lesionkit.learn.detection import KEPT_STEP
from lesionkit.nets.weights import save_model
from lesionkit.recipes.ct.judge import Judge
from lesionkit.recipes.ct.mine_round import is_something, mine_round, mined_places
from lesionkit.recipes.ct.predecessor import refuse_foreign_predecessor
from lesionkit.recipes.ct.prepare import PreparedSet
from lesionkit.recipes.ct.trained import CPM, NOT_MEASURED, ROUND, model_card
from lesionkit.recipes.ensemble import NetPlan, file_name
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.mined_draws import MinedPlaces

C = TypeVar("C", bound=Any)
ROUNDS = "rounds"
_NEXT_SEED = 7919


@dataclass(frozen=True, eq=False)
class Round(Generic[C]):
    """One training of one network.

    Attributes:
        number: from 1.
        last: whether none follows.
        plan: the network; steps, rate, minutes and seed of its settings are those of this round.
        cases: that it learns from.
        folder: gets checkpoints and logs.
        start: weights to go on from; None for new ones.
        mined: what to show again; None in the first round, and in all of a control.
        judge: whose `validate` the training is given.
    """

    number: int
    last: bool
    plan: NetPlan[C]
    cases: Sequence[Case]
    folder: Path
    start: Path | None
    mined: MinedPlaces | None
    judge: Judge[C]


@dataclass(frozen=True, eq=False)
class Fitted:
    """A network that was trained in one round.

    Attributes:
        net: what is kept, as `save_model` takes it.
        step: after which step of the round it was so.
        figures: last value of each, as `fit` gives them.
        told: facts for the closing table.
    """

    net: Any
    step: int
    figures: Mapping[str, float]
    told: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, learner: Any, figures: Mapping[str, float], **told: Any) -> "Fitted":
        """What a `StepLearner` kept."""
        step = int(figures.get(KEPT_STEP, learner.global_step))
        return cls(learner.kept, step, figures, {name.replace("_", " "): value for name, value in told.items()})


OneRound: TypeAlias = Callable[[RunFolder, Round[C]], Fitted]
"""Train a network for one round, in the folder of the round, from where an interrupted training stopped."""


def in_rounds(
    run: RunFolder,
    prepared: PreparedSet,
    tell: Callable[[float], None],
    plan: NetPlan[C],
    start: Path | None,
    one_round: OneRound[C],
) -> dict[str, Any]:
    """Train a network in its rounds and leave its file in the run folder; a `TrainOne` with `one_round` filled in.

    Raises:
        LesionkitError: the first round is a later one and goes on from nothing, or from a network of other data or
            folds; the network of the round before is gone; a table that is shown too has marks of other cases.
    """
    learn, also = plan.settings.learn, plan.settings.mine.also
    if also is not None and learn.rounds == 1:
        raise LesionkitError(f"{also} is shown in later rounds, but there is one; set learn.rounds=2 or more")
    # Before hours of training, not after them.
    mined_places([], plan, prepared.splits)
    if learn.first_round > 1:
        refuse_foreign_predecessor(
            run, start, learn.first_round, [case.case_id for case in prepared.round(plan.fold)[0]]
        )
    train = partial(_train, run, prepared, tell, plan, one_round)
    if learn.rounds == 1:
        return dict(train(1, start, None, plan.file(run.path)))
    each: dict[int, Mapping[str, Any]] = {}
    for number in range(learn.first_round, learn.rounds + 1):
        before = start if number == learn.first_round else round_file(run.path, plan, number - 1)
        mined = _mined(run, prepared, plan, number, before) if number > 1 else None
        if number > 1 and mined is None and plan.settings.mine.rule != "none":
            break
        file = round_file(run.path, plan, number)
        each[number] = run.once(plan.called(f"round {number}"), partial(train, number, before, mined, file))
        if _gained_too_little(run, plan, number):
            break
    return _kept(run, plan, each)


def round_file(run: Path, plan: NetPlan[Any], number: int) -> Path:
    """The network after a round, where there are several rounds."""
    return run / ROUNDS / f"{file_name(f'{plan.name} {number}'.strip())}.safetensors"


def round_folder(run: Path, plan: NetPlan[Any], number: int) -> Path:
    """Checkpoints and logs of a round."""
    return plan.folder(run) if number == 1 else plan.folder(run) / f"round-{number}"


def _mined(
    run: RunFolder, prepared: PreparedSet, plan: NetPlan[C], number: int, before: Path | None
) -> MinedPlaces | None:
    """What round `number` is shown again; None where it is nothing."""
    if before is None or not before.is_file():
        raise LesionkitError(
            f"round {number} must go on from what round {number - 1} trained, but {before} is gone; start again in "
            "another folder"
        )
    settings = plan.settings
    cases, _ = prepared.round(plan.fold)
    folder = round_file(run.path, plan, number - 1).with_suffix("") / "found"
    load = partial(load_detector, before, settings.infer)
    examples = mine_round(run, plan, number - 1, load, cases, prepared.splits, folder)
    places = mined_places(examples, plan, prepared.splits)
    if settings.mine.rule == "none":
        return None
    run.once(plan.called(f"show {number - 1}"), partial(_show, run, plan, number - 1, prepared))
    if settings.mine.also is None and not is_something(examples):
        run.warn(
            f"{plan.called('mining')} after round {number - 1} found nothing that the network gets wrong on its "
            f"training cases, so no round {number} is trained"
        )
        return None
    return places


def _show(run: RunFolder, plan: NetPlan[C], number: int, prepared: PreparedSet) -> Mapping[str, Any]:
    # Pictures need what draws pages, which a training does not.
    from lesionkit.recipes.ct.mined_page import show_mined

    return show_mined(run.path, plan, number, prepared.cases)


def _train(
    run: RunFolder,
    prepared: PreparedSet,
    tell: Callable[[float], None],
    plan: NetPlan[C],
    one_round: OneRound[C],
    number: int,
    start: Path | None,
    mined: MinedPlaces | None,
    file: Path,
) -> Mapping[str, Any]:
    """One round: trained, scored, and its network in a file."""
    cases, held = prepared.round(plan.fold)
    own = _of_round(plan, number)
    judge = Judge(run, own, number, held, tell)
    last = number == plan.settings.learn.rounds
    folder = round_folder(run.path, plan, number)
    try:
        fitted = one_round(run, Round(number, last, own, cases, folder, start, mined, judge))
    except SystemExit as ended:
        # What Lightning makes of Ctrl-C; to us it is an interruption that the same command resumes.
        raise KeyboardInterrupt from ended
    run.note(**{judge.called(name): round(value, 5) for name, value in fitted.figures.items()})
    score, seconds = judge.score_of(fitted.net, fitted.step), judge.seconds
    card = model_card(run, cases, plan.settings, score, seconds) | {ROUND: number}
    if plan.settings.learn.rounds > 1 and score is not None:
        write_text(file.with_suffix(".json"), json.dumps(_draws(score)) + "\n")
    save_model(file, fitted.net, card)
    return {
        "steps": own.settings.learn.steps,
        **fitted.told,
        "steps per second": round(fitted.figures.get("speed/steps_per_s", 0.0), 3),
        "time waiting for data": f"{100 * fitted.figures.get('speed/waiting_share', 0.0):.1f} %",
        CPM: score.figures["cpm"].value if score else NOT_MEASURED,
        "training time": f"{seconds} s",
    }


def _of_round(plan: NetPlan[C], number: int) -> NetPlan[C]:
    """A plan with the settings of one of its rounds."""
    learn = plan.settings.learn
    changed: dict[str, Any] = {}
    if learn.minutes is not None:
        changed["minutes"] = learn.minutes / (learn.rounds - learn.first_round + 1)
    if number > 1:
        mine = plan.settings.mine
        changed |= {"steps": mine.steps or learn.steps, "rate": mine.rate or learn.rate}
        # Another deck of patches, and the same one in every arm of a comparison.
        changed["seed"] = learn.seed + _NEXT_SEED * (number - 1)
    settings = plan.settings.model_copy(update={"learn": learn.model_copy(update=changed)})
    return NetPlan(plan.name, plan.member, plan.fold, plan.weight, settings)


def _draws(score: Score) -> dict[str, Any]:
    """What a paired comparison with another round needs of a score."""
    figure, resamples = score.figures["cpm"], score.resamples
    # What has no interval of its own, as a figure of one patient, has none of its gain.
    if resamples is None or figure.lower is None:
        return {"cpm": figure.value, "key": "", "draws": []}
    return {"cpm": figure.value, "key": resamples.key, "draws": resamples.figures["cpm"].tolist()}


def gain(before: Path, after: Path) -> Figure | None:
    """How much CPM a round gained on the validation cases over another, with the paired interval; None where one of
    the two was not measured, or on other cases."""
    if not (before.is_file() and after.is_file()):
        return None
    first, second = (json.loads(file.read_text(encoding="utf-8")) for file in (before, after))
    if first["key"] != second["key"]:
        return None
    drawn = np.array(second["draws"], dtype=float) - np.array(first["draws"], dtype=float)
    gained, _ = difference("cpm", second["cpm"] - first["cpm"], drawn).values()
    return gained


def _gained_too_little(run: RunFolder, plan: NetPlan[C], number: int) -> bool:
    """Whether rounds end here; says so."""
    mine, learn = plan.settings.mine, plan.settings.learn
    if number == learn.first_round:
        return False
    before, after = (round_file(run.path, plan, n).with_suffix(".json") for n in (number - 1, number))
    found = gain(before, after)
    if found is None or found.lower is None or found.upper is None:
        few = "cases of several patients" if after.is_file() else "cases"
        run.warn(f"without validation {few} nobody can tell whether a round gains anything: all rounds are trained")
        return False
    told = f"{found.value:+.4f} ({found.lower:+.4f} to {found.upper:+.4f})"
    run.note(**{plan.called(f"CPM gained by round {number}"): told})
    if mine.stop == "never" or number == learn.rounds or found.lower > 0:
        return False
    run.warn(
        f"{plan.called('round')} {number} changed the CPM on the validation cases by {told}, which is no more "
        f"than chance allows: round {number + 1} is not trained (mine.stop=never trains it)"
    )
    return True


def _kept(run: RunFolder, plan: NetPlan[C], each: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Make the network of a round that of the run, and tell of all rounds."""
    if not each:
        raise LesionkitError(
            f"round {plan.settings.learn.first_round} must have something to learn, but mining found nothing; raise "
            "mine.per_scan, or train on more cases"
        )
    measured = {number: facts[CPM] for number, facts in each.items() if not isinstance(facts[CPM], str)}
    number = max(each)
    if plan.settings.learn.keep == "best" and measured:
        number = max(measured, key=lambda n: (measured[n], n))
    with replacing(plan.file(run.path)) as temporary:
        shutil.copyfile(round_file(run.path, plan, number), temporary)
    seconds = sum(int(str(facts["training time"]).split()[0]) for facts in each.values())
    return {
        **each[number],
        "steps": sum(int(facts["steps"]) for facts in each.values()),
        **{f"{CPM} of round {n}": facts[CPM] for n, facts in each.items()},
        "round that is kept": number,
        "training time": f"{seconds} s",
    }
