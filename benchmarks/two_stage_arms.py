"""What the systems of 2017 held to matter, each against the same without it: arms of the 3-D U-Net.

    python benchmarks/two_stage_arms.py DATA PARTS WORK --minutes 4           # all arms; what is done is not done again
    python benchmarks/two_stage_arms.py DATA PARTS WORK --table

DATA is `real_nodules.sh`'s WORK/a, PARTS what `inserted_real.py split` makes of a bank. Every arm learns from one seed
for so many processor minutes, as many steps as fit in by the time of a few of them, so that its rate has come down.
Drawn are real nodules of other patients in two other scans (as in `two_stage_real.py`): Dice, and the share found, with
a Dice of 0.1 at least, by size, with 95 % intervals over patients, each figure also as the paired difference to the arm
that it is an arm of; "other seed" tells how much a figure changes when nothing does. Against drawing too much: how much
is drawn in lesion-free places of these scans.

"sizes" learn from 120 nodules put once into copies of two scans, where the size weights of system 0 can choose; all
others from what is put into patches on the fly.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor

from inserted_real import copies
from lesionkit.core.case import Case
from lesionkit.core.image import ArrayImage
from lesionkit.infer.two_stage import TwoStageDetector
from lesionkit.learn.detection import fit
from lesionkit.learn.loop import quiet, seed_everything
from lesionkit.learn.masks import MaskLearner, mask_loss
from lesionkit.nets.cube.chain import chain_of
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.nets.intensity import scale_hu
from lesionkit.nets.weights import load_net, save_model
from lesionkit.phantoms.ct.nodule_bank import NoduleBank, load_bank
from lesionkit.prepare.case import prepare_ct
from lesionkit.recipes.ct.insert import inserter, outline
from lesionkit.recipes.ct.prepare import prepared_set
from lesionkit.recipes.ct.two_stage_settings import CtTwoStage
from lesionkit.recipes.ct.two_stage_train import encode_mask
from lesionkit.runs.run_folder import open_run
from lesionkit.sample.draw import PatchDraws
from lesionkit.sample.drawn import drawn
from two_stage_real import drawing, over_patients

LEARNED_IN, TESTED_IN = ("LIDC-IDRI-0001", "TCGA-DE-A4MA"), ("LIDC-IDRI-0002", "Lung_Dx-A0002")
SIZES = ((0.0, 6.0), (6.0, 10.0), (0.0, 10.0), (10.0, 99.0), (0.0, 99.0))
FOUND = 0.1
FREE, SIDE = 600, 48
BASE: dict[str, Any] = {
    "sample": {
        "patch": SIDE,
        "insert_share": 0.55,
        "lesion_share": 0.15,
        "healthy_share": 0.7,
        "size_weights": [1, 1, 1],
        "augment": {"offset": 0.5, "thick_samples": [2, 6]},
    },
    "transplant": {"share": 0.8, "texture_weights": [0.5, 0.2, 0.3]},
    "net": {"channels": [8, 16, 32, 64], "norm": True},
    "learn": {
        "batch": 4,
        "rate": 0.003,
        "cross_entropy": 0.5,
        "dice": {"per_image": True, "eps_above": 1.0, "eps_below": 1.0},
        "precision": "bf16-mixed",
        "workers": 0,
        "validate_every": 100_000,
    },
}


@dataclass(frozen=True)
class Arm:
    """What an arm changes.

    Attributes:
        against: the arm that it is compared with.
        changed: settings of groups.
        scale: how Hounsfield values enter the network.
        masked: outside of the lungs there is water.
        put_once: it learns from nodules that lie in copies of scans.
    """

    against: str = "base"
    changed: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    scale: Callable[[Tensor], Tensor] = scale_hu
    masked: bool = False
    put_once: bool = False


def raw(hu: Tensor) -> Tensor:
    """Thousands of Hounsfield units, nothing clipped."""
    return hu.float() / 1000


ONCE = {"lesion_share": 0.7, "insert_share": 0.0}
ARMS = {
    "base": Arm(),
    "other seed": Arm(changed={"learn": {"seed": 1}}),
    "sizes none": Arm(against="sizes none", changed={"sample": ONCE}, put_once=True),
    "sizes 4/3/1": Arm(against="sizes none", changed={"sample": {**ONCE, "size_weights": [4, 3, 1]}}, put_once=True),
    "negatives 0": Arm(changed={"sample": {"insert_share": 0.85}}),
    "negatives 50 %": Arm(changed={"sample": {"insert_share": 0.35}}),
    "full": Arm(changed={"net": {"channels": [8, 16, 32, 64, 128]}}),
    "raw": Arm(scale=raw),
    "masked": Arm(masked=True),
    "batch Dice": Arm(changed={"learn": {"dice": {"per_image": False, "eps_above": 1.0, "eps_below": 1.0}}}),
}


def settings_of(arm: Arm, bank: Path) -> CtTwoStage:
    groups = {name: {**group, **arm.changed.get(name, {})} for name, group in BASE.items()}
    return CtTwoStage.parse({**groups, "sample": {**groups["sample"], "nodules": str(bank)}})


def masked(case: Case) -> Case:
    """Water outside of the lungs."""
    image, lung = case.image, case.regions["lung"]
    inside = lung.read(lung.grid.whole)
    hu = np.where(inside, image.read(image.grid.whole), 0).astype(np.int16)
    return replace(case, image=ArrayImage(image.grid, hu))


@contextmanager
def scaled(by: Callable[[Tensor], Tensor]) -> Iterator[None]:
    with patch("lesionkit.learn.masks.scale_hu", by), patch("lesionkit.infer.two_stage.scale_hu", by):
        yield


class Deck:
    """Patches of cases, as `train_chain` draws them."""

    def __init__(self, cases: Sequence[Case], settings: CtTwoStage) -> None:
        draw = partial(drawn, form=settings.form, outline=outline(settings))
        self.made = partial(
            PatchDraws,
            cases,
            settings.sample,
            encode_mask,
            seed=settings.learn.seed,
            insert=inserter(settings),
            drawn=draw,
        )

    def of(self, length: int) -> PatchDraws:
        return self.made(length=length)


def steps_in(minutes: float, net: MaskNet, deck: Deck, settings: CtTwoStage) -> int:
    """How many steps of a training fit into so many processor minutes, by the time of a few."""
    batch, times = int(settings.learn.batch), []
    items = deck.of(batch * 12)
    for step in range(12):
        start = time.process_time()
        some = [items[step * batch + place] for place in range(batch)]
        hu, whole, ignored = (torch.stack([one[name] for one in some]) for name in ("hu", "drawn", "ignored"))
        with torch.autocast("cpu", torch.bfloat16):
            logit = net(scale_hu(hu))
        mask_loss(logit, whole, ignored, settings.learn)["total"].backward()
        times.append(time.process_time() - start)
    net.zero_grad()
    return max(1, round(60 * minutes / float(np.mean(times[2:]))))


def train(name: str, arm: Arm, cases: Sequence[Case], settings: CtTwoStage, work: Path, minutes: float) -> MaskNet:
    """The network of an arm, trained or read."""
    file = work / name.replace("/", "-") / "model.safetensors"
    if file.is_file():
        return load_net(file, MaskNet)[0]
    seed_everything(settings.learn.seed)
    net, deck = MaskNet(settings.net), Deck(cases, settings)
    steps = steps_in(minutes, net, deck, settings)
    seed_everything(settings.learn.seed)
    net, start = MaskNet(settings.net), time.process_time()
    learner = MaskLearner(net, settings.learn.model_copy(update={"steps": steps}))
    file.parent.mkdir(parents=True, exist_ok=True)
    with quiet(), scaled(arm.scale):
        fit(learner, deck.of(steps * int(settings.learn.batch)), file.parent, resume=False)
    spent = round((time.process_time() - start) / 60, 2)
    save_model(file, learner.kept, {"steps": steps, "processor_minutes": spent})
    print(f"{name}: {steps} steps in {spent} processor minutes", flush=True)
    return load_net(file, MaskNet)[0]


def measure(net: MaskNet, arm: Arm, settings: CtTwoStage, tested: Sequence[Case], bank: NoduleBank) -> dict[str, Any]:
    """How each nodule is drawn, and how much in each of the lesion-free places."""
    nodules = {nodule.nodule_id: nodule for nodule in bank}
    detector = TwoStageDetector(chain_of(net, (), 32), settings.infer, torch.device("cpu"))
    rows, free = [], []
    with scaled(arm.scale):
        for case in tested:
            seen = masked(case) if arm.masked else case
            for lesion in case.truth or ():
                facts = {"patient": lesion.facts["patient"], "diameter_mm": lesion.diameter_mm}
                rows.append(
                    facts | drawing(detector, seen, lesion.centre_mm, nodules[str(lesion.facts["nodule"])], lesion)
                )
        draws = PatchDraws(
            [masked(case) if arm.masked else case for case in (tested[0], tested[-1])],
            settings.sample.model_copy(update={"lesion_share": 0.0, "insert_share": 0.0}),
            lambda _: {},
            seed=1,
            length=FREE,
            lesions_elsewhere=True,
        )
        for number in range(FREE):
            given = draws.of_kind("lung", np.random.default_rng([1, number]), SIDE)
            if not len(given.balls) and not len(given.ignored):
                free.append(float((said_of(detector, given.hu, arm.scale) >= settings.infer.drawn_from).sum()))
    return {"drawn": rows, "free_mm3": free}


def said_of(detector: TwoStageDetector, hu: np.ndarray, scale: Callable[[Tensor], Tensor]) -> np.ndarray:
    """Probabilities (z, y, x) of a patch."""
    volume = scale(torch.from_numpy(np.ascontiguousarray(hu)))[None, None].to(detector.type)
    with torch.inference_mode():
        return np.asarray(detector.chain.mask(volume)[0, 0].float().sigmoid())


def table(work: Path, arms: Sequence[str]) -> None:
    kept = {name: work / f"{name.replace('/', '-')}.json" for name in arms}
    told = {name: json.loads(file.read_text()) for name, file in kept.items() if file.is_file()}
    for name, record in told.items():
        against = told.get(ARMS[name].against)
        free = np.array(record["free_mm3"])
        any_there = (free > 0).mean()
        print(f"\n{name}: in {len(free)} lesion-free places of 48 mm {free.mean():.0f} mm³, in {any_there:.2f} any")
        for low, high in SIZES:
            some = [n for n, row in enumerate(record["drawn"]) if low <= row["diameter_mm"] < high]
            patients = np.array([record["drawn"][n]["patient"] for n in some], object)
            said = [f"  {low:g} to {high:g} mm, {len(some)} nodules:"]
            for called, one in (("found", lambda row: row["dice"] >= FOUND), ("Dice", lambda row: row["dice"])):
                mine = np.array([float(one(record["drawn"][n])) for n in some])
                said.append(f"{called} {mean_of(mine, patients)}")
                if against is not None and ARMS[name].against != name:
                    theirs = np.array([float(one(against["drawn"][n])) for n in some])
                    said.append(f"(less {ARMS[name].against}: {mean_of(mine - theirs, patients)})")
            print(" ".join(said))


def mean_of(values: np.ndarray, patients: np.ndarray) -> str:
    return over_patients(lambda chosen: float(values[chosen].mean()), patients)


def main() -> None:
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("parts", type=Path)
    parser.add_argument("work", type=Path)
    parser.add_argument("--minutes", type=float, default=4.0, help="of this processor, per arm")
    parser.add_argument("--arm", action="append", choices=list(ARMS), help="repeatable; default: all")
    parser.add_argument("--table", action="store_true", help="only print what is there")
    asked = parser.parse_args()
    names = asked.arm or list(ARMS)
    if not asked.table:
        run_all(asked, names)
    table(asked.work, names)


def run_all(asked: argparse.Namespace, names: Sequence[str]) -> None:
    learn, test = (load_bank(asked.parts / part) for part in ("learn", "test"))
    plain = settings_of(Arm(), asked.parts / "learn")
    tested = [prepare_ct(case, plain.prepare) for scan in TESTED_IN for _, case in copies(test, scan, most_in(scan))]
    with open_run(asked.work / "prepared", "ct-nodule-two-stage", plain, {"data": asked.data}) as run:
        prepared, _ = prepared_set(run, asked.data, plain).round("")
    once: list[Case] = []
    for name in names:
        arm, kept = ARMS[name], asked.work / f"{name.replace('/', '-')}.json"
        if kept.is_file():
            continue
        settings = settings_of(arm, asked.parts / "learn")
        if arm.put_once and not once:
            once = [prepare_ct(case, plain.prepare) for scan in LEARNED_IN for _, case in copies(learn, scan, 60)]
        cases = once if arm.put_once else prepared
        net = train(
            name, arm, [masked(one) for one in cases] if arm.masked else cases, settings, asked.work, asked.minutes
        )
        kept.write_text(json.dumps(measure(net, arm, settings, tested, test)) + "\n", encoding="utf-8")
        table(asked.work, [name])


def most_in(scan: str) -> int:
    """Nodules in all copies of a scan; slices of 8 mm hold fewer."""
    return 40 if scan.startswith("Lung_Dx") else 80


if __name__ == "__main__":
    main()
