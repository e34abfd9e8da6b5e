"""Every trick of the five best of SIIM-ACR alone on one small network, with equal minutes per arm, on phantoms.

    lesionkit phantom xray --out TRAIN --count 800 --per-ct 8 --size 256 --seed 202
    lesionkit phantom xray --out MORE --count 272 --per-ct 8 --size 256 --seed 404 --positive 0.6
    lesionkit phantom xray --out TEST --count 240 --per-ct 5 --size 256 --seed 101
    python benchmarks/xray_ablation.py TRAIN MORE TEST --work W --group same --minutes 1
    python benchmarks/xray_ablation.py TRAIN MORE TEST --work W --group recipes --minutes 1.2 --seeds 0 1 2
    python benchmarks/xray_ablation.py TRAIN MORE TEST --work W --group nets --minutes 3
    python benchmarks/xray_ablation.py TRAIN MORE TEST --work W --group claims --seeds 0 1 2
    python benchmarks/xray_ablation.py TRAIN MORE TEST --work W --table

Every arm has one core and the same wall time, validation of each epoch included. Arms of one network go on from one
common start (`--start`, or `--start-minutes` of training); other networks start afresh. Rules are searched on
validation patients of TRAIN that no arm learns from, never on TEST. MORE gives images without masks. What is finished
is not run again; `--table` prints what there is.
"""

import argparse
import json
import shutil
import time
from pathlib import Path

import numpy as np
import torch

from lesionkit.core.files import write_text
from lesionkit.evaluate.roc import auc
from lesionkit.infer.lung_crop import LungCropSettings, lung_box
from lesionkit.infer.segment import resized
from lesionkit.infer.threshold import Evidence, search
from lesionkit.learn.segmentation_losses import LOSSES
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.weights import load_net, save_model
from lesionkit.read.chest_set import chest_mask, load_chest_image, read_chest_set
from lesionkit.read.picture import read_mask
from lesionkit.recipes.xray_pictures import resized_mask
from lesionkit.recipes.xray_prepare import ChosenPictures
from lesionkit.recipes.xray_rules import GRIDS
from lesionkit.recipes.xray_train import PseudoEntries, Shown, Unlabelled, fit_member, mask_dice
from lesionkit.sample.folds import FoldCase, stratified_split
from lesionkit.sample.pseudo import PseudoSettings, accept
from lesionkit.sample.radiographs import Entry
from xray_arms import OTHER_NETS, RECIPES, SAME_NET, STEPS_PER_EPOCH, common, learn, shares, together

HELD = 24
"""Pictures that each epoch is validated on."""


class Set:
    """A data set in memory; `Pictures` for the training."""

    def __init__(self, images, masks, patients, lungs, ids=()):
        self.images, self.masks, self.patients, self.lungs, self.ids = images, masks, patients, lungs, ids
        self.boxes = [None] * len(images)

    def __len__(self):
        return len(self.images)

    def image(self, number):
        return self.images[number]

    def mask(self, number):
        return self.masks[number]

    @property
    def positive(self):
        return self.masks.any(axis=(1, 2))


def load(data: Path, work: Path) -> Set:
    kept = work / f"{data.name}.npz"
    if not kept.is_file():
        rows = [row for row in read_chest_set(data) if row.looked_at]
        images = [load_chest_image(row).image.array for row in rows]
        masks = [chest_mask(row, image.shape) for row, image in zip(rows, images, strict=True)]
        lungs = [read_mask(row.lungs, image.shape) for row, image in zip(rows, images, strict=True)]
        patients = [row.patient_id for row in rows]
        arrays = {"images": np.stack(images), "masks": np.stack(masks), "lungs": np.stack(lungs)}
        np.savez(kept, **arrays, patients=patients, ids=[row.case_id for row in rows])
    held = np.load(kept)
    return Set(held["images"], held["masks"], held["patients"].tolist(), held["lungs"], held["ids"].tolist())


def cut_to_lungs(data: Set) -> Set:
    """Each picture cut to the box of its TRUE lungs, which flatters the trick."""
    images, masks, boxes = [], [], []
    for image, mask, lung in zip(data.images, data.masks, data.lungs, strict=True):
        box = lung_box(lung.astype(np.float32), LungCropSettings()) or (slice(0, 256), slice(0, 256))
        images.append(np.rint(resized(image[box].astype(np.float32), (256, 256))).astype(np.uint8))
        masks.append(resized_mask(mask[box], (256, 256)))
        boxes.append(box)
    cut = Set(np.stack(images), np.stack(masks), data.patients, data.lungs)
    cut.boxes = boxes
    return cut


@torch.inference_mode()
def predict(net: Segmenter, data: Set, numbers, flip: bool = False):
    """Maps (n, 256, 256) of 0..1 and p_nonempty or None."""
    maps, heads = [], []
    for first in range(0, len(numbers), 16):
        chosen = list(numbers[first : first + 16])
        x = torch.from_numpy(data.images[chosen])[:, None].float() / 255
        with torch.autocast("cpu", torch.bfloat16):
            outputs = [net(x.to(memory_format=torch.channels_last))]
            if flip:
                outputs.append(net(x.flip(3).to(memory_format=torch.channels_last)))
        found = [o.mask.float().sigmoid()[:, 0] for o in outputs]
        if flip:
            found[1] = found[1].flip(2)
        maps.append(torch.stack(found).mean(dim=0).numpy())
        if outputs[0].nonempty is not None:
            heads.append(torch.stack([o.nonempty.float().sigmoid() for o in outputs]).mean(dim=0).numpy())
    return pasted(np.concatenate(maps), data, numbers), np.concatenate(heads) if heads else None


def pasted(maps, data: Set, numbers):
    for row, number in enumerate(numbers):
        if (box := data.boxes[number]) is not None:
            whole = np.zeros(maps[row].shape, np.float32)
            whole[box] = resized(maps[row], whole[box].shape)
            maps[row] = whole
    return maps


def mean_of(parts):
    maps, heads = zip(*parts, strict=True)
    return np.mean(maps, axis=0), None if heads[0] is None else np.mean(heads, axis=0)


def evidence(found, truth: Set, numbers):
    maps, heads = found
    return [
        Evidence(
            maps[row], truth.masks[n], None if heads is None else float(heads[row]), truth.patients[n], "validation"
        )
        for row, n in enumerate(numbers)
    ]


def scored(rule, found, truth: Set, draws: int = 1000) -> dict:
    """Kaggle's Dice, Dice on positives and AUC with 95 % intervals over patients."""
    maps, heads = found
    values = np.array(
        [mask_dice(rule(m, None if heads is None else float(heads[n])), truth.masks[n]) for n, m in enumerate(maps)]
    )
    positive = truth.positive
    ranks = heads if heads is not None else (maps > 0.5).sum(axis=(1, 2)) + maps.max(axis=(1, 2))
    by_patient: dict[str, list[int]] = {}
    for number, patient in enumerate(truth.patients):
        by_patient.setdefault(patient, []).append(number)
    groups, rng = list(by_patient.values()), np.random.default_rng(0)
    drawn = {"dice": [], "positives": [], "auc": []}
    for _ in range(draws):
        numbers = np.concatenate([groups[k] for k in rng.integers(len(groups), size=len(groups))])
        inside = positive[numbers]
        if inside.any() and not inside.all():
            drawn["dice"].append(values[numbers].mean())
            drawn["positives"].append(values[numbers][inside].mean())
            drawn["auc"].append(auc(inside, ranks[numbers]))
    whole = {"dice": values.mean(), "positives": values[positive].mean(), "auc": float(auc(positive, ranks))}
    figures = {name: [float(v), *np.percentile(drawn[name], [2.5, 97.5]).tolist()] for name, v in whole.items()}
    return {**figures, "empty": float((~positive).mean()), "values": values.tolist()}


class Bench:
    def __init__(self, given):
        self.given, self.work = given, given.work
        self.work.mkdir(parents=True, exist_ok=True)
        self.train, self.more, self.test = (load(path, self.work) for path in (given.train, given.more, given.test))
        if given.start is not None:
            self.learners, self.held = self.as_start(given.start.parents[1] / "splits.json")
            return
        area = self.train.masks.mean(axis=(1, 2))
        cases = [FoldCase(str(n), p, float(a)) for n, (p, a) in enumerate(zip(self.train.patients, area, strict=True))]
        parts = stratified_split(cases, {"train": 0.8, "validation": 0.2}, seed=0).parts
        self.learners, self.held = ([int(n) for n in parts[name]] for name in ("train", "validation"))

    def as_start(self, splits: Path) -> tuple[list[int], list[int]]:
        """Pictures that the given start learned from, and those that its run held out."""
        parts = json.loads(splits.read_text())
        held = {self.train.ids[n]: n for n in range(len(self.train))}
        out = {held[name] for name in parts["fold-0"] if name in held}
        return [n for n in range(len(self.train)) if n not in out], sorted(out)

    def labelled(self, share: float) -> list[int]:
        """Learning pictures of a share of the patients; those of a smaller share are among those of a larger one."""
        patients = sorted({self.train.patients[n] for n in self.learners})
        order = np.random.default_rng(5).permutation(patients)
        chosen = set(order[: max(round(share * len(order)), 2)])
        return [n for n in self.learners if self.train.patients[n] in chosen]

    def member(self, change, minutes: float, seed: int):
        epochs = max(round(minutes * 60 * self.given.rate / STEPS_PER_EPOCH), 3)
        member = change(common(epochs))
        return learn(most_minutes=minutes, seed=seed, loader_workers=0)(member)

    def fit(self, name: str, member, share: float, start=None, data: Set | None = None, pseudo=None):
        data, folder = data or self.train, self.work / "trainings" / name
        numbers = self.labelled(share)
        shown = Shown.of(member, data, numbers, data.positive[numbers].tolist(), pseudo)
        positive = [n for n in self.held if data.positive[n]][: HELD // 2]
        held = positive + [n for n in self.held if not data.positive[n]][: HELD // 2]
        views = None
        if member.learn.teacher is not None:
            views = Unlabelled(member, ChosenPictures([Entry(self.more, n) for n in range(len(self.more))]), 200)
        fitted = fit_member(folder, member, shown, [(data, n) for n in held], views, start)
        nets = (
            [load_best_of(path) for path in fitted.best[: member.checkpoints]]
            if member.checkpoints > 1
            else [fitted.net]
        )
        shutil.rmtree(folder, ignore_errors=True)
        return nets, fitted.figures

    def start(self, share: float) -> Path:
        if self.given.start is not None and share == 1:
            return self.given.start
        path = self.work / f"start-{share:g}.safetensors"
        if not path.is_file():
            member = self.member(SMALL_LOSS, self.given.start_minutes, 0)
            nets, _ = self.fit(f"start-{share:g}", member, share)
            save_model(path, nets[0], {})
        return path

    def recipe(self, name: str, seed: int, minutes: float) -> None:
        """A winner's whole recipe on the common network."""
        changes, rule = RECIPES[name]
        file = self.work / "results" / f"{slug_of(name, 1.0, seed)}.json"
        if file.is_file():
            return
        data, test = (cut_to_lungs(d) if "lung crop" in name else d for d in (self.train, self.test))
        steps, said = 0.0, []
        for number, change in enumerate(changes):
            start = {"net": load_net(self.start(1.0), Segmenter)[0]}
            member = self.member(change, minutes / len(changes), seed)
            nets, figures = self.fit(f"{slug_of(name, 1.0, seed)}-{number}", member, 1.0, start, data)
            steps += figures.get("steps", 0)
            said.append(
                [mean_of([predict(n, d, r) for n in nets]) for d, r in ((data, self.held), (test, range(len(test))))]
            )
        val, found = ((draws[0], judges[1]) for judges, draws in zip(said[0], said[-1], strict=True))
        told = {
            "arm": name,
            "share": 1.0,
            "seed": seed,
            "minutes": minutes,
            "fresh": False,
            "figures": {"steps": steps},
        }
        result = self.judged(val, found, GRIDS[rule])
        write_text(file, json.dumps({**told, **result}) + "\n")
        print(f"{name:45s} seed {seed}: {line(result)}", flush=True)

    def run(self, name: str, change, share: float, seed: int, minutes: float, fresh: bool) -> None:
        slug = slug_of(name, share, seed)
        file = self.work / "results" / f"{slug}.json"
        if file.is_file():
            return
        began = time.monotonic()
        start = None if fresh else {"net": load_net(self.start(share), Segmenter)[0]}
        crop = "lung crop" in name
        data, test = (cut_to_lungs(d) if crop else d for d in (self.train, self.test))
        pseudo = self.pseudo(share) if "pseudo" in name else None
        nets, figures = self.fit(slug, self.member(change, minutes, seed), share, start, data, pseudo)
        val = mean_of([predict(net, data, self.held) for net in nets])
        found = mean_of([predict(net, test, range(len(test))) for net in nets])
        result = self.judged(val, found)
        if name == "common":
            result["rules"] = self.rules(val, found)
            flipped = [predict(nets[0], d, n, flip=True) for d, n in ((data, self.held), (test, range(len(test))))]
            result["flip"] = self.judged(*flipped)
        figures = {k: float(v) for k, v in figures.items()}
        told = {"arm": name, "share": share, "seed": seed, "minutes": minutes, "fresh": fresh, "figures": figures}
        write_text(file, json.dumps({**told, **result}) + "\n")
        print(
            f"{name:45s} {share:4.0%} seed {seed}: {line(result)}  {figures.get('steps', 0):.0f} steps, "
            f"{time.monotonic() - began:.0f} s",
            flush=True,
        )

    def judged(self, val, found, rules=GRIDS["triplet"]) -> dict:
        chosen = search(rules, evidence(val, self.train, self.held), mask_dice, folds=5)
        return {**scored(chosen.rule, found, self.test), "rule": repr(chosen.rule), "optimism": chosen.optimism}

    def rules(self, val, found) -> dict:
        """Every decision rule on the same predictions."""
        return {name: self.judged(val, found, rules) for name, rules in GRIDS.items()}

    def pseudo(self, share: float) -> PseudoEntries:
        net = load_net(self.start(share), Segmenter)[0]
        maps, heads = predict(net, self.more, range(len(self.more)))
        masks, kept = np.zeros(self.more.masks.shape, bool), []
        settings = PseudoSettings(rounds=1, filter="label and area")
        for n in range(len(maps)):
            label = accept(str(n), int(self.more.positive[n]), maps[n], float(heads[n]), settings, 1, {"start": "-"})
            if label is not None:
                masks[n] = label.mask
                kept.append((n, label.positive))
        source = Set(self.more.images, masks, self.more.patients, self.more.lungs)
        return PseudoEntries([Entry(source, n) for n, _ in kept], [positive for _, positive in kept], settings.share)


def slug_of(name: str, share: float, seed: int) -> str:
    return "".join(c if c.isalnum() else "-" for c in f"{name} {share:g} {seed}")


def load_best_of(path):
    from lesionkit.learn.segmentation import load_best

    return load_best(path)


def line(result: dict) -> str:
    return "  ".join("{} {:.3f} [{:.3f}, {:.3f}]".format(name, *result[name]) for name in ("dice", "positives", "auc"))


COLUMNS = ("dice", "positives", "auc")


def table(work: Path) -> None:
    results = [json.loads(path.read_text()) for path in sorted((work / "results").glob("*.json"))]
    for fresh, share in sorted({(r["fresh"], r["share"]) for r in results}, key=lambda key: (key[0], -key[1])):
        chosen = [r for r in results if (r["fresh"], r["share"]) == (fresh, share)]
        print(f"\n{'from scratch' if fresh else 'from the common start'}, {share:.0%} of the labelled patients")
        print("| arm | minutes | steps | runs | Kaggle Dice | Dice on positives | AUC |\n|---|---|---|---|---|---|---|")
        arms = {name: [r for r in chosen if r["arm"] == name] for name in {r["arm"] for r in chosen}}
        for name, runs in sorted(arms.items(), key=lambda arm: -np.mean([r["positives"][0] for r in arm[1]])):
            steps = np.mean([r["figures"].get("steps", 0) for r in runs])
            cells = " | ".join(cell(runs, column) for column in COLUMNS)
            print(f"| {name} | {runs[0]['minutes']:g} | {steps:.0f} | {len(runs)} | {cells} |")
    for result in results:
        if "rules" in result and result["seed"] == 0 and result["share"] == 1:
            print("\nrules on the predictions of the common arm; all-empty baseline", f"{result['empty']:.3f}")
            for name, one in {**result["rules"], "triplet, flipped too": result["flip"]}.items():
                print(f"| {name} | {line(one)} | optimism {one['optimism']:.4f} |")


def cell(runs, name: str) -> str:
    values = [r[name][0] for r in runs]
    if len(runs) == 1:
        return "{:.3f} [{:.3f}, {:.3f}]".format(*runs[0][name])
    return f"{np.mean(values):.3f} ± {np.std(values, ddof=1):.3f}"


CLAIMS = ("common", "EMA 0.99 (3rd)", "mean teacher (5th)", "pseudo-labels, one round (3rd)")
SMALL_LOSS = together(learn(loss=LOSSES["4th"]), shares((0, 0.6)))
"""What the starts on few labels learn with; cross-entropy alone learns nothing in their time."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("train", "more", "test"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--group", choices=["same", "nets", "claims", "recipes"], default="same")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--start-minutes", type=float, default=6.0)
    parser.add_argument("--start", type=Path, help="RUN/models/fold-0-*.safetensors of a run that learned from TRAIN")
    parser.add_argument("--rate", type=float, default=2.5, help="steps a second of the common network, for schedules")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--shares", type=float, nargs="+", default=[0.1, 0.3, 1.0], help="of the labelled patients")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        table(given.work)
        return
    torch.set_num_threads(1)
    bench = Bench(given)
    arms = {"same": SAME_NET, "nets": OTHER_NETS}.get(given.group, {})
    for seed in given.seeds:
        for name, change in arms.items():
            bench.run(name, change, 1.0, seed, given.minutes, fresh=given.group == "nets")
        if given.group == "recipes":
            for name in RECIPES:
                bench.recipe(name, seed, given.minutes)
        if given.group == "claims":
            for share in given.shares:
                for name in CLAIMS:
                    change = together(SMALL_LOSS, SAME_NET[name])
                    bench.run(f"as the start: {name}", change, share, seed, given.minutes, fresh=False)


if __name__ == "__main__":
    main()
