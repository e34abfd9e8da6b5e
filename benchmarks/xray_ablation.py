"""Every trick of the five best of SIIM-ACR alone on one small network, with equal processor time per arm, on phantoms.

    lesionkit phantom xray --out TRAIN --count 800 --per-ct 8 --size 256 --seed 202
    lesionkit phantom xray --out EXTRA --count 272 --per-ct 8 --size 256 --seed 404 --positive 0.6
    lesionkit phantom xray --out MORE --count 396 --per-ct 12 --size 256 --seed 505 --positive 0.7
    lesionkit phantom xray --out TEST --count 240 --per-ct 5 --size 256 --seed 101
    python benchmarks/xray_ablation.py TRAIN,EXTRA MORE TEST --work W --start RUN/models/small.safetensors \
        --group same --minutes 1.2
    … --group candidates --minutes 2
    … --group recipes --minutes 2 --seeds 0 1 2
    lesionkit phantom xray --out FREE --count 396 --per-ct 12 --size 256 --seed 606 --positive 0.5
    python benchmarks/xray_ablation.py TRAIN,EXTRA,MORE FREE TEST --work W2 --side 128 \
        --group claims --minutes 1.1 --start-minutes 6 --seeds 0 1 2 --shares 0.1 0.3
    python benchmarks/xray_ablation.py TRAIN,EXTRA MORE TEST --work W --start … --group claims --minutes 1.2 \
        --shares 1 --seeds 0 1 2
    python benchmarks/xray_table.py W W2

Every arm runs on one core and takes as many steps as fit into its minutes of processor time; what a step of it costs is
measured first, so that a busy machine changes nothing and schedules run to their end. Arms of one network go on from a
common start (`--start`, or `--start-minutes` of training per share of labels); other networks start afresh.
Rules are searched on validation patients of TRAIN that no arm learns from, never on TEST. MORE, or FREE, gives images
without masks. What is finished is not run again.
"""

import argparse
import json
import shutil
import time
from pathlib import Path

import numpy as np
import torch

from lesionkit.core.files import write_text
from lesionkit.evaluate.overlap import mask_dice
from lesionkit.infer.threshold import search
from lesionkit.learn.segmentation import load_best
from lesionkit.learn.segmentation_loss_settings import LOSSES
from lesionkit.nets.model_file import read_card
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.segmenter_settings import SegmenterSettings
from lesionkit.nets.weights import load_net, save_model
from lesionkit.recipes.xray.fit import PseudoEntries, Shown, Unlabelled, fit_member
from lesionkit.recipes.xray.prepare import ChosenPictures
from lesionkit.recipes.xray.rules import GRIDS
from lesionkit.sample.folds import FoldCase, stratified_split
from lesionkit.sample.pictures import Entry
from lesionkit.sample.pseudo import PseudoSettings, accept
from xray_arms import (
    CANDIDATES,
    OTHER_NETS,
    RECIPES,
    SAME_NET,
    STEPS_PER_EPOCH,
    augmented,
    common,
    learn,
    part,
    periods,
    shares,
    together,
)
from xray_sets import Radiographs, cut_to_lungs, evidence, held_out_of, load, mean_of, predict, scored

HELD = 24
"""Pictures that each epoch is validated on."""
TRIAL_EPOCHS, TRIAL_STEPS = 4, 8
OWN_COST = ("Lovasz", "rising", "crop", "augmentation", "teacher", "recipe", "best", "start", "net", "norm")
"""Words in the names of arms whose steps cost something else than the common ones."""
CLAIMS = ("common", "EMA 0.99 (3rd)", "mean teacher (5th)", "pseudo-labels, one round (3rd)")
FEW = together(learn(loss=LOSSES["4th"]), shares((0, 0.6)), augmented("1st"))
"""What the claims go on with."""
LEARNS_FAST = together(
    learn(loss=LOSSES["4th"]),
    shares((0, 1.0), (0.4, 0.6)),
    augmented("3rd"),
    part(rate=1.5e-3),
    periods("cosine", 1),
)
"""What starts and other networks learn with, from scratch; cross-entropy alone learns nothing in their time."""


class Bench:
    def __init__(self, given):
        self.given, self.work, self.side = given, given.work, given.side
        self.work.mkdir(parents=True, exist_ok=True)
        folders = [[Path(text) for text in texts.split(",")] for texts in (given.train, given.more, given.test)]
        self.train, self.more, self.test = (load(some, self.work) for some in folders)
        self.all_test = range(len(self.test))
        if given.start is not None:
            self.held = held_out_of(given.start.parents[1] / "splits.json", self.train)
        else:
            self.held = self._own_split()
        held = set(self.held)
        self.learners = [n for n in range(len(self.train)) if n not in held]

    def _own_split(self) -> list[int]:
        area = self.train.masks.mean(axis=(1, 2))
        cases = [FoldCase(str(n), p, float(a)) for n, (p, a) in enumerate(zip(self.train.patients, area, strict=True))]
        return [int(n) for n in stratified_split(cases, {"train": 0.8, "validation": 0.2}, seed=0).parts["validation"]]

    def labelled(self, share: float) -> list[int]:
        """Learning pictures of a share of the patients; those of a smaller share are among those of a larger one."""
        patients = sorted({self.train.patients[n] for n in self.learners})
        order = np.random.default_rng(5).permutation(patients)
        chosen = set(order[: max(round(share * len(order)), 2)])
        return [n for n in self.learners if self.train.patients[n] in chosen]

    def member(self, change, epochs: int, seed: int, steps: int = STEPS_PER_EPOCH):
        member = change(common(epochs, self.side))
        return learn(seed=seed, workers=0, validate_every=steps)(member)

    def epochs(self, name: str, change, minutes: float) -> int:
        """Epochs that fit into the minutes; what a step costs is measured once per kind of arm and kept."""
        name = name if any(word in name for word in OWN_COST) else "common"
        file = self.work / "costs" / f"{slug_of(name)}.json"
        if not file.is_file():
            member = self.member(change, TRIAL_EPOCHS, 0, TRIAL_STEPS)
            began = time.process_time()
            self.fit(f"trial-{slug_of(name)}", member, 1.0, held=())
            seconds = (time.process_time() - began) / (TRIAL_EPOCHS * TRIAL_STEPS)
            write_text(file, json.dumps({"seconds per step": seconds}) + "\n")
        seconds = json.loads(file.read_text())["seconds per step"]
        return max(round(60 * minutes / seconds / STEPS_PER_EPOCH), 3)

    def fit(self, name: str, member, share: float, start=None, data=None, pseudo=None, held=None):
        data, folder = data or self.train, self.work / "trainings" / name
        numbers = self.labelled(share)
        # An epoch shows each positive picture once, which of few labels would be no epoch at all.
        numbers = numbers * -(-STEPS_PER_EPOCH * member.learn.batch // int(data.positive[numbers].sum()))
        shown = Shown.of(member, data, numbers, data.positive[numbers].tolist(), pseudo)
        views = None
        if member.learn.teacher is not None:
            views = Unlabelled(member, ChosenPictures([Entry(self.more, n) for n in range(len(self.more))]), 200)
        held = self.validated_on(data) if held is None else held
        fitted = fit_member(folder, member, shown, [(data, n) for n in held], views, start)
        several = member.checkpoints > 1
        nets = [load_best(path) for path in fitted.best[: member.checkpoints]] if several else [fitted.net]
        shutil.rmtree(folder, ignore_errors=True)
        return nets, fitted.figures.get("steps", 0)

    def kept_or_fit(self, name: str, *given):
        """Networks are kept, so that other test images need no other training."""
        first = self.work / "nets" / f"{name}-0.safetensors"
        if not first.is_file():
            nets, steps = self.fit(name, *given)
            for number, net in reversed(list(enumerate(nets))):
                save_model(self.work / "nets" / f"{name}-{number}.safetensors", net, {"steps": steps})
        return self.kept(name), read_card(first)["steps"]

    def kept(self, name: str) -> list[Segmenter]:
        files = sorted((self.work / "nets").glob(f"{name}-*.safetensors"))
        return [load_net(file, Segmenter)[0].eval() for file in files]

    def validated_on(self, data: Radiographs) -> list[int]:
        positive = [n for n in self.held if data.positive[n]][: HELD // 2]
        return positive + [n for n in self.held if not data.positive[n]][: HELD // 2]

    def start(self, share: float) -> Path:
        if self.given.start is not None and share == 1:
            return self.given.start
        path = self.work / f"start-{share:g}.safetensors"
        if not path.is_file():
            epochs = self.epochs("start", LEARNS_FAST, self.given.start_minutes)
            nets, _ = self.fit(path.stem, self.member(LEARNS_FAST, epochs, 0), share)
            save_model(path, nets[0], {})
        return path

    def started(self, share: float, settings: SegmenterSettings) -> Segmenter:
        """The start's weights in the network of an arm, which may have other norms."""
        net = Segmenter(settings)
        net.load_state_dict(load_net(self.start(share), Segmenter)[0].state_dict())
        return net

    def run(self, name: str, changes, share: float, seed: int, minutes: float, rules: str, flip=False, fresh=False):
        """An arm: one training, or two of which the first judges and the second draws, and they share the minutes."""
        file = self.work / "results" / f"{slug_of(f'{name} {share:g} {seed}')}.json"
        if file.is_file():
            return
        data, test = (cut_to_lungs(d) if "lung crop" in name else d for d in (self.train, self.test))
        pseudo = self.pseudo(share) if "pseudo" in name else None
        steps, said = 0.0, []
        for number, change in enumerate(changes):
            epochs = self.epochs(f"{name} {number}", change, minutes / len(changes))
            member = self.member(change, epochs, seed)
            start = None if fresh else {"net": self.started(share, member.net)}
            nets, taken = self.kept_or_fit(f"{file.stem}-{number}", member, share, start, data, pseudo)
            steps += taken
            both = ((data, self.held), (test, self.all_test))
            said.append([mean_of([predict(net, d, n, self.side, flip) for net in nets]) for d, n in both])
        val, found = ((draws[0], judges[1]) for judges, draws in zip(said[0], said[-1], strict=True))
        result = self.judged(val, found, rules)
        if name.startswith("common"):
            result["rules"] = {name: self.judged(val, found, name) for name in GRIDS}
            flipped = [predict(nets[0], d, n, self.side, flip=True) for d, n in both]
            result["flip"] = self.judged(*flipped, rules)
        told = {"arm": name, "share": share, "seed": seed, "minutes": minutes, "fresh": fresh, "side": self.side}
        write_text(file, json.dumps({**told, "steps": steps, **result, "patients": self.test.patients}) + "\n")
        print(f"{name:45s} {share:4.0%} seed {seed}: {line(result)}  {steps:.0f} steps", flush=True)

    def judged(self, val, found, rules: str) -> dict:
        """The figures of the best rule on validation: "validation" is its nested score there."""
        chosen = search(GRIDS[rules], evidence(val, self.train, self.held), mask_dice, folds=5)
        told = {"rule": repr(chosen.rule), "validation": chosen.nested_score, "optimism": chosen.optimism}
        return {**scored(chosen.rule, found, self.test), **told}

    def pseudo(self, share: float) -> PseudoEntries:
        """Masks that the start draws on MORE, whose image labels are known, where label and drawn area agree."""
        net = load_net(self.start(share), Segmenter)[0].eval()
        maps, heads = predict(net, self.more, range(len(self.more)), self.side)
        masks, kept = np.zeros(self.more.masks.shape, bool), []
        settings = PseudoSettings(rounds=1, filter="label and area")
        for n in range(len(maps)):
            label = accept(str(n), int(self.more.positive[n]), maps[n], float(heads[n]), settings, 1, {"start": "-"})
            if label is not None:
                masks[n] = label.mask
                kept.append((n, label.positive))
        more = self.more
        source = Radiographs(more.images, masks, more.lungs, more.patients, more.ids)
        return PseudoEntries([Entry(source, n) for n, _ in kept], [positive for _, positive in kept], settings.share)


def slug_of(name: str) -> str:
    return "".join(c if c.isalnum() else "-" for c in name)


def line(result: dict) -> str:
    cells = "  ".join("{} {:.3f} [{:.3f}, {:.3f}]".format(name, *result[name]) for name in ("dice", "positives", "auc"))
    return f"{cells}  validation {result['validation']:.3f}"


def main() -> None:
    given, bench = opened(__doc__)
    for seed in given.seeds:
        for share in given.shares if given.group == "claims" else [1.0]:
            for name, changes, rules in arms_of(given.group):
                if given.arms is None or any(word in name for word in given.arms):
                    fresh, flip = given.group == "nets", given.group in ("recipes", "candidates")
                    bench.run(name, changes, share, seed, given.minutes, rules, flip, fresh)


def opened(about: str) -> tuple[argparse.Namespace, Bench]:
    """What the command line says, and the sets it names, on one core."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("train", "more", "test"):
        parser.add_argument(name, help="folders with a comma between them")
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--group", choices=["same", "nets", "claims", "recipes", "candidates"], default="same")
    parser.add_argument("--arms", nargs="+", help="only arms whose names hold one of these words")
    parser.add_argument("--minutes", type=float, default=1.0, help="of processor time")
    parser.add_argument("--start-minutes", type=float, default=6.0)
    parser.add_argument("--start", type=Path, help="RUN/models/*.safetensors of a run that learned from TRAIN")
    parser.add_argument("--side", type=int, default=256, help="pixels that the networks see")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.1, 0.3, 1.0], help="of the labelled patients")
    given = parser.parse_args()
    torch.set_num_threads(1)
    return given, Bench(given)


def arms_of(group: str):
    """Name, trainings and rules of each arm."""
    if group in ("recipes", "candidates"):
        return [(name, *arm) for name, arm in (RECIPES if group == "recipes" else CANDIDATES).items()]
    if group == "nets":
        return [(name, (together(LEARNS_FAST, change),), "triplet") for name, change in OTHER_NETS.items()]
    if group == "claims":
        return [(f"claim: {name}", (together(FEW, SAME_NET[name]),), "triplet") for name in CLAIMS]
    return [(name, (change,), "triplet") for name, change in SAME_NET.items()]


if __name__ == "__main__":
    main()
