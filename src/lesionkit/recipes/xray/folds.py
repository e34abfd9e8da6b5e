"""Every network of an ensemble on every fold: training, and what each fold's networks say of the images it held out."""

import hashlib
import json
import re
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib.format import open_memmap
from numpy.typing import NDArray

from lesionkit.core.files import replacing, write_text
from lesionkit.core.grey import to_grey
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.infer.fuse import RunningMean
from lesionkit.infer.predict import predict
from lesionkit.infer.segment import resized
from lesionkit.learn.segmentation import load_best
from lesionkit.nets.model_file import read_card
from lesionkit.nets.precision import pick_precision
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.weights import load_net, pick_device, save_model
from lesionkit.read.chest_rows import ImageRow
from lesionkit.recipes.card import card_of_run
from lesionkit.recipes.xray.ensemble import EnsembleNet, image_score, judged, roles
from lesionkit.recipes.xray.fit import PseudoEntries, Shown, Unlabelled, fit_member
from lesionkit.recipes.xray.members import Member, with_values
from lesionkit.recipes.xray.prepare import ChosenPictures, PreparedSet
from lesionkit.recipes.xray.pseudo import make_pseudo_labels, read_pseudo_labels
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.pictures import Entry

MODELS_FOLDER = "models"
FOUND, HEADS, CASES = "found.npy", "heads.npy", "cases.json"


@dataclass(frozen=True, eq=False)
class Training:
    """What is the same for every network of a run."""

    run: RunFolder
    prepared: PreparedSet
    settings: XrayPneumothorax
    members: tuple[Member, ...]
    start_from: Mapping[str, Path]

    @property
    def folds(self) -> tuple[str, ...]:
        """Those that any network is trained on; "" where there is one split."""
        rounds = self.prepared.images.splits.rounds
        return rounds[: max(m.folds or len(rounds) for m in self.members)]

    @property
    def validating(self) -> tuple[str, ...]:
        """Those of them that hold images out."""
        return tuple(fold for fold in self.folds if self.prepared.images.round(fold)[1])

    def members_of(self, fold: str) -> tuple[Member, ...]:
        """The networks that are trained on a fold."""
        number = self.folds.index(fold)
        return tuple(m for m in self.members if m.folds is None or number < m.folds)


def begin_training(
    run: RunFolder, prepared: PreparedSet, settings: XrayPneumothorax, start_from: Mapping[str, Path]
) -> Training:
    """The networks as they are trained, each with its share of the minutes."""
    members = settings.networks
    plan = Training(run, prepared, settings, members, start_from)
    if settings.learn.minutes is not None:
        count = (settings.pseudo.rounds + 1) * sum(len(plan.members_of(fold)) for fold in plan.folds)
        learn = partial(with_values, minutes=settings.learn.minutes / count)
        members = tuple(with_values(m, learn=learn(m.learn)) for m in members)
    return Training(run, prepared, settings, members, start_from)


def train_folds(plan: Training) -> dict[str, list[EnsembleNet]]:
    """Train everything that is not trained yet in this run, in rounds where pseudo-labels are asked for.

    Returns:
        The networks of the last round by fold.
    """
    nets: dict[str, list[EnsembleNet]] = {}
    for number in range(plan.settings.pseudo.rounds + 1):
        last = number == plan.settings.pseudo.rounds
        for fold in plan.folds:
            nets[fold] = [net for m in plan.members_of(fold) for net in _trained(plan, fold, m, number, last)]
            if not last:
                label = partial(_label, plan, fold, nets[fold], number + 1)
                plan.run.once(f"pseudo-labels {number + 1} {fold}".rstrip(), label)
    for fold in plan.validating:
        plan.run.once(f"predict {fold}".rstrip(), partial(predict_fold, plan, fold, nets[fold]))
    return nets


def best_folds(plan: Training, member: Member) -> tuple[str, ...]:
    """The folds whose networks of a member search in the end: those with the best validation, once all are trained."""
    folds = [fold for fold in plan.folds if member in plan.members_of(fold)]
    if member.best_folds is None or member.best_folds >= len(folds):
        return tuple(folds)

    def value(fold: str) -> float:
        told = plan.run.once(_label_of(fold, member), _not_trained)
        return float(told["figures"].get("validation/dice", 0.0))

    return tuple(sorted(folds, key=value, reverse=True)[: member.best_folds])


def _not_trained() -> Mapping[str, Any]:
    raise RuntimeError("folds are chosen when all of them are trained")


def _label_of(fold: str, member: Member) -> str:
    return f"train {fold} {member.name}".replace("  ", " ")


def _trained(plan: Training, fold: str, member: Member, number: int, last: bool) -> list[EnsembleNet]:
    folder = MODELS_FOLDER if last else f"rounds/{number}"
    name = f"{fold} {member.name}".strip()
    label = _label_of(fold, member) + ("" if last else f", round {number}")
    stem = folder + "/" + re.sub(r"\W+", "-", name)
    facts = plan.run.once(label, partial(_train, plan, fold, member, number, stem))
    draws, judges = roles(plan.members)[member.name]
    weight = member.weight / len(facts["files"])
    files = [plan.run.path / file for file in facts["files"]]
    return [EnsembleNet(file.stem, file, member.name, fold, weight, member.side, draws, judges) for file in files]


def _train(plan: Training, fold: str, member: Member, number: int, stem: str) -> Mapping[str, Any]:
    started = time.monotonic()
    prepared, run = plan.prepared, plan.run
    labelled, free = prepared.learners(fold, plan.settings.sample.labelled, plan.settings.split.seed)
    _, held = prepared.images.round(fold)
    shown_held = [row for row in held if row.positive or not member.positives_only]
    pseudo = read_pseudo_labels(run.path, fold, number, prepared, plan.settings, member) if number else PseudoEntries()
    shown = Shown(member, [prepared.entry(row) for row in labelled], [row.positive for row in labelled], pseudo)
    views = None
    if member.learn.teacher is not None and free:
        count = max(len(labelled), member.learn.teacher.batch)
        views = Unlabelled(member, ChosenPictures([prepared.entry(row) for row in free]), count)
    given = plan.start_from.get(member.name) if number == 0 else None
    fitted = fit_member(
        run.path / "trainings" / stem.replace("/", "-"),
        member,
        shown,
        [(entry.pictures, entry.number) for entry in map(prepared.entry, shown_held)],
        views,
        {"net": load_net(given, Segmenter)[0]} if given is not None else None,
        lambda figures: run.note(**{f"{fold} {member.name} {k}".strip(): round(v, 4) for k, v in figures.items()}),
    )
    paths = fitted.best[: member.checkpoints] if member.checkpoints > 1 else ()
    nets = [load_best(path) for path in paths] or [fitted.net]
    figures = {name: round(float(value), 5) for name, value in fitted.figures.items()}
    facts: dict[str, Any] = {
        "images": len(labelled),
        "patients": len({row.patient_id for row in labelled}),
        "positive images": sum(row.positive for row in labelled),
        "synthetic images": sum(row.synthetic for row in labelled),
        "pseudo-labelled images": len(pseudo.entries),
        "unlabelled images": len(free) if views is not None else 0,
        "figures": figures,
        "seconds": round(time.monotonic() - started),
    }
    seen = [*labelled, *(free if views is not None or number else ())]
    only = all(row.synthetic for row in seen) and (given is None or bool(read_card(given).get("projections_only")))
    card = {**_card(plan, fold, member, facts), "projections_only": only}
    files = [f"{stem}-{n}.safetensors" if len(nets) > 1 else f"{stem}.safetensors" for n in range(len(nets))]
    for file, net in zip(files, nets, strict=True):
        save_model(run.path / file, net, card)
    return {**facts, "files": files}


def _card(plan: Training, fold: str, member: Member, facts: Mapping[str, Any]) -> dict[str, Any]:
    judges = roles(plan.members)[member.name][1]
    return {
        **card_of_run(plan.run, plan.settings),
        "member": {"name": member.name, "role": member.role, "side": member.side, "judges": judges},
        "lung": plan.settings.lung.crop,
        "held out": fold,
        "learned from": dict(facts),
    }


def predict_fold(plan: Training, fold: str, nets: Sequence[EnsembleNet]) -> Mapping[str, Any]:
    """Write what a fold's networks say of the images that it held out: maps of 8 bits, and the image heads' answers."""
    _, rows = plan.prepared.images.round(fold)
    folder = plan.run.path / "folds" / fold
    folder.mkdir(parents=True, exist_ok=True)
    side = rule_side(plan.settings)
    names = [m.name for m in plan.members_of(fold) if roles(plan.members)[m.name][1]]
    search = FoldSearch(plan, nets)
    heads = np.full((len(rows), len(names)), np.nan, np.float32)
    with replacing(folder / FOUND) as temporary:
        maps = open_memmap(temporary, "w+", np.uint8, (len(rows), side, side))
        work = list(range(len(rows)))
        for outcome in map_cases(lambda n: search(rows[n], side), work, EngineSettings(workers=1), "predicting"):
            if outcome.value is None:
                raise RuntimeError(f"{rows[outcome.item].case_id}: {outcome.error}")
            probability, answers = outcome.value
            maps[outcome.item] = np.rint(probability * 255)
            heads[outcome.item] = [judged({name: answers[name]}) for name in names]
        maps.flush()
    with replacing(folder / HEADS) as temporary, temporary.open("wb") as stream:
        np.save(stream, heads)
    write_text(folder / CASES, json.dumps({"cases": [row.case_id for row in rows], "members": names}) + "\n")
    return {"images": len(rows), "pixels per side": side}


def rule_side(settings: XrayPneumothorax) -> int:
    """Pixels per side at which rules are searched."""
    return min(settings.rule.side, settings.side)


class FoldSearch:
    """The networks of one fold on prepared pictures."""

    def __init__(self, plan: Training, nets: Sequence[EnsembleNet]) -> None:
        self.prepared, self.infer, self.nets = plan.prepared, plan.settings.infer, tuple(nets)
        device = pick_device(self.infer.device)
        self.precision = pick_precision(self.infer.precision, device)
        self.loaded = [load_net(net.path, Segmenter)[0].to(device) for net in nets]

    def __call__(
        self, row: ImageRow, side: int | None = None
    ) -> tuple[NDArray[np.float32], dict[str, list[tuple[float, float]]]]:
        """Probability of the lesion, and answers of the image heads with their weights by member.

        Args:
            side: of the map of the whole radiograph; None for a map of the prepared picture as it is.
        """
        entry: Entry = self.prepared.entry(row)
        grey = to_grey(entry.pictures.image(entry.number))
        mean, heads = RunningMean(), defaultdict(list)
        for net, loaded in zip(self.nets, self.loaded, strict=True):
            found = predict(loaded, resized(grey, (net.side, net.side)), self.infer.flip, self.precision)
            if net.judges and found.p_nonempty is not None:
                heads[net.member].append((found.p_nonempty, net.weight))
            if net.draws:
                same = grey.shape if side is None else (side, side)
                found = type(found)(resized(found.probability, same), None)
                mean.add(found, net.weight)
        probability = mean.prediction.probability
        return probability if side is None else self._pasted(row, probability, side), dict(heads)

    def _pasted(self, row: ImageRow, probability: NDArray[np.float32], side: int) -> NDArray[np.float32]:
        box = self.prepared.boxes.get(row.case_id)
        if box is None:
            return probability
        top, bottom = (round(edge * side / row.rows) for edge in box[:2])
        left, right = (round(edge * side / row.columns) for edge in box[2:])
        canvas = np.zeros((side, side), np.float32)
        shape = (max(bottom - top, 1), max(right - left, 1))
        canvas[top : top + shape[0], left : left + shape[1]] = resized(probability, shape)
        return canvas


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _label(plan: Training, fold: str, nets: Sequence[EnsembleNet], number: int) -> Mapping[str, Any]:
    """Pseudo-labels of a fold, by its own networks: they have not seen what the fold holds out."""
    _, free = plan.prepared.learners(fold, plan.settings.sample.labelled, plan.settings.split.seed)
    search = FoldSearch(plan, nets)
    models = {net.name: _sha256(net.path) for net in nets}

    def ask(row: ImageRow) -> tuple[NDArray[np.float32], float]:
        probability, heads = search(row)
        return probability, image_score(probability, judged(heads))

    return make_pseudo_labels(plan.run.path, fold, number, free, ask, models, plan.settings)
