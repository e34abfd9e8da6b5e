"""Prepared cases -> a chain of trained networks with its card: one that draws, and those that judge what it drew."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.infer.chain_join import joined_by, reranked_by
from lesionkit.infer.two_stage import TwoStageDetector
from lesionkit.learn.batch import choose_cube_batch, choose_mask_batch
from lesionkit.learn.cubes import CubeLearner
from lesionkit.learn.detection import fit
from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.learn.loop import seed_everything
from lesionkit.learn.masks import MaskLearner
from lesionkit.learn.precision import PrecisionSetting
from lesionkit.learn.steps import Validate
from lesionkit.learn.watch import Watch
from lesionkit.nets.cube.chain import Chain, chain_of
from lesionkit.nets.cube.chain_settings import JoinSettings
from lesionkit.nets.cube.cube_net import CubeNet
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.weights import load_net, pick_device, save_model
from lesionkit.recipes.base import Learned, Progress
from lesionkit.recipes.ct.first import First
from lesionkit.recipes.ct.insert import inserter, outline
from lesionkit.recipes.ct.mine import MineRule, hard_negatives, hit_of
from lesionkit.recipes.ct.prepare import PreparedSet, write_preview
from lesionkit.recipes.ct.train import learn_each
from lesionkit.recipes.ct.trained import CPM, NOT_MEASURED, model_card, validation_score
from lesionkit.recipes.ct.two_stage_settings import CtTwoStage
from lesionkit.recipes.ct.watch import cube_watch, fine_and_large, hidden, mask_watch, show_batches
from lesionkit.recipes.ensemble import NetPlan
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.cubes import CubeDraws, around_middle
from lesionkit.sample.draw import PatchDraws
from lesionkit.sample.drawn import drawn
from lesionkit.sample.patch import Patch

L = TypeVar("L", bound=LearnSettings)
Dealt: TypeAlias = tuple[Sequence[Case], Sequence[Case]]
"""Cases that learn, and those that validate."""

_ALL_THAT_IS_FOUND = MineRule(per_case=150, least_score=0.0)
"""Of a faster model: what it finds weak is ranked again too."""


@dataclass(frozen=True)
class Deck:
    """What a network that draws learns from.

    Attributes:
        items: number i is the i-th that is ever shown.
        watch: what it is looked at on while it learns.
        validate: the network -> figures, asked every `learn.validate_every` steps.
    """

    items: Any
    watch: Watch | None = None
    validate: Validate | None = None


MakeDeck: TypeAlias = Callable[[NetPlan[Any], PreparedSet, Dealt, int], Deck]
"""(plan, prepared, dealt cases, how many items are shown) -> deck."""


def learn(
    run: RunFolder, data: Path, settings: CtTwoStage, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`; what a sweep makes larger is the CPM of the chain on the validation cases."""
    return learn_each(run, data, settings, start_from, progress, partial(train_chain, deck=_cube_deck))


def train_chain(
    run: RunFolder,
    prepared: PreparedSet,
    tell: Callable[[float], None],
    plan: NetPlan[Any],
    start_from: Path | None,
    deck: MakeDeck,
) -> dict[str, Any]:
    """Train one chain and leave its file in the run folder; see `TrainOne`.

    Args:
        deck: what the network that draws learns from.
    """
    started = time.monotonic()
    settings, (cases, held) = plan.settings, prepared.round(plan.fold)
    if settings.debug.lungs:
        run.once("lungs", lambda: {"page": write_preview(run, prepared, "Lungs").name})
    if settings.debug.fine_and_large:
        cases, held = fine_and_large(cases), fine_and_large(held)
    start = load_net(start_from, Chain)[0] if start_from else None
    first = None if settings.screen.model is None else _first(settings)
    side = settings.classify.cubes.side
    mask, drawing = _mask_net(run, partial(deck, plan, prepared, (cases, held)), plan, start)
    found_by = (lambda: _detector(chain_of(mask, (), side), settings)) if first is None else (lambda: first)
    rule = MineRule() if first is None else _ALL_THAT_IS_FOUND
    hard = hard_negatives(run, found_by, cases, plan.name, rule) if settings.classify.nets else {}
    cubes = [_cube_net(run, (cases, held), hard, plan, number, start) for number in range(len(settings.classify.nets))]
    run.once(plan.called("join"), partial(_join, run, mask, cubes, held, plan, first))
    joined = json.loads(_file(run, plan, "join.json").read_text(encoding="utf-8"))
    own, again = (None if joined[name] is None else JoinSettings.parse(joined[name]) for name in ("join", "rerank"))
    chain = chain_of(mask, cubes, side, own, again)
    score = validation_score(_detector(chain, settings), held, settings)
    if score is not None:
        tell(score.figures["cpm"].value)
    seconds = round(time.monotonic() - started)
    held_out = {name: value for name, value in drawing.items() if name.startswith("validation/")}
    card = {**model_card(run, cases, settings, score, seconds), "drawing": held_out}
    save_model(plan.file(run.path), chain, card)
    return {
        "steps": settings.learn.steps + len(cubes) * settings.classify.learn.steps,
        **({"false positives learned from": sum(map(len, hard.values()))} if settings.classify.nets else {}),
        **{name.replace("/", " "): value for name, value in held_out.items()},
        CPM: score.figures["cpm"].value if score else NOT_MEASURED,
        "training time": f"{seconds} s",
    }


def _first(settings: CtTwoStage) -> First:
    """The faster model that the chain learns to correct."""
    first = First(settings)
    if first.prepare != settings.prepare:
        raise LesionkitError(
            f"a chain learns to rank what {settings.screen.model} finds only in scans that are prepared alike, "
            "but their settings of prepare differ; set the same, or leave screen.model out"
        )
    return first


def _detector(chain: Chain, settings: CtTwoStage) -> TwoStageDetector:
    # The detector moves the chain to another precision.
    own = Chain(chain.settings)
    own.load_state_dict(chain.state_dict())
    return TwoStageDetector(own, settings.infer, pick_device(settings.infer.device))


def _file(run: RunFolder, plan: NetPlan[CtTwoStage], name: str) -> Path:
    """What a part of the chain leaves while the rest is trained."""
    folder = plan.folder(run.path) / "parts"
    folder.mkdir(parents=True, exist_ok=True)
    return folder / name


def _cube_deck(plan: NetPlan[CtTwoStage], _prepared: PreparedSet, dealt: Dealt, length: int) -> Deck:
    """Cubes of scans, with lesions drawn."""
    settings = plan.settings
    draw = partial(drawn, form=settings.form, outline=outline(settings))
    patches = PatchDraws(
        dealt[0],
        settings.sample,
        encode_mask,
        seed=settings.learn.seed,
        length=length,
        insert=inserter(settings),
        drawn=draw,
    )
    return Deck(patches, mask_watch(dealt[1], settings.sample, settings.watch, draw))


def _mask_net(
    run: RunFolder, deck: Callable[[int], Deck], plan: NetPlan[CtTwoStage], start: Chain | None
) -> tuple[MaskNet, Mapping[str, Any]]:
    """The network that draws, trained, and the figures of its training."""
    settings, file = plan.settings, _file(run, plan, "mask.safetensors")

    def step() -> Mapping[str, Any]:
        seed_everything(settings.learn.seed)
        net = MaskNet(settings.net) if start is None else start.mask.train()
        choose = partial(choose_mask_batch, net, settings.sample.patch)
        learn, batch = _with_batch(run, plan.called("mask batch"), settings.learn, choose)
        given, learner = deck(learn.steps * batch * learn.devices), MaskLearner(net, learn)
        show_batches(_file(run, plan, "mask"), given.items, batch, settings.debug.first_batches)
        figures = _fit(learner, given, _file(run, plan, "mask"))
        save_model(file, learner.kept, {})
        return figures

    figures = run.once(plan.called("draw"), step)
    return load_net(file, MaskNet)[0], figures


def _cube_net(
    run: RunFolder,
    dealt: Dealt,
    hard: Mapping[str, NDArray[np.float64]],
    plan: NetPlan[CtTwoStage],
    number: int,
    start: Chain | None,
) -> CubeNet:
    """One of the networks that judge, trained."""
    settings, classify, (cases, held) = plan.settings, plan.settings.classify, dealt
    seed = classify.learn.seed + number
    name = f"judge {number + 1}"
    file = _file(run, plan, f"{name}.safetensors")

    def step() -> Mapping[str, Any]:
        seed_everything(seed)
        net = CubeNet(classify.nets[number])
        if start is not None and len(start.cubes) > number:
            net.load_state_dict(start.cubes[number].state_dict())
        choose = partial(choose_cube_batch, net, classify.cubes.side)
        learn, batch = _with_batch(run, plan.called(f"{name} batch"), classify.learn, choose)
        patches = PatchDraws(
            cases,
            around_middle(settings.sample, classify.cubes),
            encode_mask,
            seed=seed,
            length=1,
            insert=inserter(settings),
            hard=hard,
        )
        cubes = CubeDraws(patches, classify.cubes, seed=seed, length=learn.steps * batch * learn.devices)
        learner = CubeLearner(net, learn)
        show_batches(_file(run, plan, name), cubes, batch, settings.debug.first_batches)
        watch = cube_watch(held, settings.sample, classify.cubes, settings.watch)
        figures = _fit(learner, Deck(cubes, watch), _file(run, plan, name))
        save_model(file, learner.kept, {})
        return figures

    run.once(plan.called(name), step)
    return load_net(file, CubeNet)[0]


def _fit(learner: Any, deck: Deck, folder: Path) -> Mapping[str, Any]:
    try:
        figures = fit(learner, deck.items, folder, deck.validate, watch=deck.watch)
        return {name: round(value, 5) for name, value in figures.items()}
    except SystemExit as ended:
        # What Lightning makes of Ctrl-C; to us it is an interruption that the same command resumes.
        raise KeyboardInterrupt from ended


def _with_batch(run: RunFolder, name: str, learn: L, choose: Callable[[PrecisionSetting, Any], int]) -> tuple[L, int]:
    """How a network is trained, and its batch; "auto" is measured once, so that a resumed training has the same."""
    if isinstance(learn.batch, int):
        return learn, learn.batch
    batch = run.record["metrics"].get(name)
    if batch is None:
        batch = choose(learn.precision, pick_device(learn.device))
        run.note(**{name: batch})
        run.say(f"{name} auto: {batch} per step")
    return learn.model_copy(update={"batch": int(batch)}), int(batch)


def encode_mask(patch: Patch) -> dict[str, NDArray[Any]]:
    """What the network that draws learns from: drawn (1, z, y, x) 0..1 and ignored (1, z, y, x) bool."""
    whole = np.zeros(patch.hu.shape, np.float32) if patch.drawn is None else patch.drawn
    # What of a lesion reaches into the patch is drawn too, and learned.
    return {"drawn": whole[None], "ignored": (hidden(patch) & (whole == 0))[None]}


def _join(
    run: RunFolder,
    mask: MaskNet,
    cubes: Sequence[CubeNet],
    held: Sequence[Case],
    plan: NetPlan[CtTwoStage],
    first: First | None,
) -> Mapping[str, Any]:
    """Fit how the networks are joined on candidates in validation scans, and keep it."""
    settings = plan.settings
    detector = _detector(chain_of(mask, cubes, settings.classify.cubes.side), settings)
    rows, hits = [np.zeros((0, 1 + len(cubes)))], [np.zeros(0, bool)]
    again, right = [np.zeros((0, 2 + len(cubes)))], [np.zeros(0, bool)]
    for case in held:
        if case.truth is None:
            continue
        places, logits = detector.judged(case)
        rows.append(logits)
        hits.append(hit_of(case, places))
        if first is not None:
            found = first.find(case)[: settings.screen.most]
            again.append(detector.looked_at(case, found))
            right.append(hit_of(case, np.array([one.centre_mm for one in found]).reshape(-1, 3)))
    joined = joined_by(np.concatenate(rows), np.concatenate(hits), settings.classify.join)
    rerank = None if first is None else reranked_by(np.concatenate(again), np.concatenate(right))
    told = {"join": joined.model_dump(), "rerank": None if rerank is None else rerank.model_dump()}
    write_text(_file(run, plan, "join.json"), json.dumps(told, indent=1) + "\n")
    return {
        "candidates": int(sum(map(len, hits))),
        "coefficients": list(joined.coefficients),
        "coefficients of ranking again": [] if rerank is None else list(rerank.coefficients),
    }
