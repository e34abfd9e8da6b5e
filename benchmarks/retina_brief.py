"""A RetinaNet of the shape of MONAI's lung-nodule bundle, trained briefly: how many candidates --screen has to keep.

    lesionkit bank NODULES --out BANK
    python benchmarks/inserted_real.py split BANK --out PARTS
    python benchmarks/retina_brief.py train PARTS/learn --work WORK [--minutes 15]     # goes on where it stopped
    python benchmarks/retina_brief.py screen PARTS/test --work WORK --most 20 --most 50 --most 100

The published weights are not ours to ship, and with random ones nothing can be lost. Here the published shape –
ResNet-50, 256 maps, three anchors – learns from real nodules put into two scans, in crops that mostly hold one, for so
many minutes of processor; it is no good detector. `screen` puts nodules of other patients into a third scan, ten a
copy, searches the left half of its lungs and then only around the first candidates of ct-nodule in both, and tells
which nodules of that half the full search finds and the screened one loses. Found: a box whose middle lies within the
nodule is among the first 100.
"""

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.apps.detection.networks.retinanet_detector import RetinaNetDetector
from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape
from numpy.typing import NDArray

from bundles import GIVEN, PREPARE, Clock, detector
from inserted_real import PER_COPY, chosen, places
from lesionkit.core.case import Case
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.infer.detect import NoduleDetector
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.screen import ScreenSettings, screened
from lesionkit.nets.guest.retina import make_retina
from lesionkit.nets.weights import load_model, pick_device
from lesionkit.phantoms.ct.nodule_bank import NoduleBank, TransplantSettings, load_bank
from lesionkit.phantoms.ct.plant_real import insert_real_nodules
from lesionkit.prepare.case import prepare_ct
from lesionkit.prepare.lung.trace import find_lungs
from lesionkit.recipes.ct.prepare import open_native
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.runs.models import chosen_model
from training_set import DATA, SCANS

LEARN, TEST = ("LIDC-IDRI-0001", "TCGA-DE-A4MA"), "LIDC-IDRI-0002"
KEPT, CROP = (40, 72, 72), (24, 48, 48)
"""Samples (z, y, x) that are kept around a nodule, and of the crop of it that is seen at a time."""
BATCH, RATE, STEPS = 2, 6e-4, 450
PER_LEARN, COPIES = 24, 4
"""Nodules of a copy to learn from, and copies of each scan."""


def with_nodules(scan: str, bank: NoduleBank, copies: int, each: int) -> Any:
    """Copies of a scan, each with some nodules of the bank; real findings are excluded, nothing is put near them."""
    native = open_native(DATA / "ct" / SCANS[scan], CtNodule())
    known = [Lesion((float(x), float(y), float(z)), float(d)) for x, y, z, d in places(scan, native.case_id)]
    native = replace(native, truth=(), excluded=tuple(known))
    lung = find_lungs(native.image, CtNodule().prepare.lung).mask
    nodules = chosen(bank, native, copies * each)
    for copy in range(copies):
        yield insert_real_nodules(native, lung, nodules[copy::copies], copy, TransplantSettings(scale=(1.0, 1.0)))


def crops_of(case: Case, rng: np.random.Generator) -> tuple[list[NDArray[np.int16]], list[list[list[float]]]]:
    """Pieces (z, y, x) around each lesion and as many of lung; the balls in each: (z, y, x) in samples, mm across."""
    prepared = prepare_ct(case, PREPARE)
    grid, hu = prepared.image.grid, np.asarray(prepared.image.read(prepared.image.grid.whole))
    lesions = [(grid.world_to_index(one.centre_mm), one.diameter_mm) for one in case.truth or ()]
    taken = [grid.world_to_index(one.centre_mm) for one in case.excluded]
    lung = np.argwhere(prepared.regions["lung"].read(grid.whole))
    middles = [middle for middle, _ in lesions] + list(lung[rng.integers(len(lung), size=len(lesions) // 2)])
    pieces, balls = [], []
    for middle in middles:
        start = np.clip(np.round(middle).astype(int) - np.array(KEPT) // 2, 0, np.array(hu.shape) - KEPT)
        if any((np.abs(one - start - np.array(KEPT) / 2) < KEPT).all() for one in taken):
            continue
        pieces.append(hu[tuple(slice(a, a + s) for a, s in zip(start, KEPT, strict=True))].astype(np.int16))
        balls.append([[*(place - start), size] for place, size in lesions if (np.abs(place - middle) < KEPT).all()])
    return pieces, balls


def learned_from(bank: Path, work: Path) -> tuple[NDArray[np.int16], list[list[list[float]]]]:
    """The pieces, made once."""
    file, table = work / "pieces.npy", work / "balls.json"
    if not table.exists():
        rng, pieces, balls = np.random.default_rng(0), [], []
        for scan in LEARN:
            for case in with_nodules(scan, load_bank(bank), COPIES, PER_LEARN):
                more = crops_of(case, rng)
                pieces, balls = pieces + more[0], balls + more[1]
                print(f"{scan}: {len(pieces)} pieces", flush=True)
        work.mkdir(parents=True, exist_ok=True)
        np.save(file, np.stack(pieces))
        table.write_text(json.dumps(balls, default=float))
    return np.load(file), json.loads(table.read_text())


def drawn(
    pieces: NDArray[np.int16], balls: Sequence[Sequence[Sequence[float]]], rng: np.random.Generator
) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """A crop (1, x, y, z), scaled, and the boxes in it, in samples (x, y, z)."""
    number = int(rng.integers(len(pieces)))
    low = np.array([int(rng.integers((k - c) // 4, (k - c) * 3 // 4 + 1)) for k, c in zip(KEPT, CROP, strict=True)])
    hu = pieces[number][tuple(slice(a, a + s) for a, s in zip(low, CROP, strict=True))].astype(np.float32)
    rows = np.array(balls[number], float).reshape(-1, 4)
    places = rows[:, :3] - low
    for axis in np.flatnonzero(rng.random(3) < 0.5):
        hu, places[:, axis] = np.flip(hu, axis), CROP[axis] - 1 - places[:, axis]
    half = rows[:, 3:] / 2 / np.array(PREPARE.spacing_mm)
    inside = ((places > 0) & (places < np.array(CROP) - 1)).all(axis=1)
    corners = np.concatenate([(places - half)[:, ::-1], (places + half)[:, ::-1]], axis=1)[inside]
    scaled = np.clip((hu + 1024 + rng.normal(0, 15)) / 1324, 0, 1).transpose(2, 1, 0)
    boxes = torch.from_numpy(corners.astype(np.float32))
    return torch.from_numpy(scaled.copy())[None], {"boxes": boxes, "labels": torch.zeros(len(boxes), dtype=torch.long)}


def train(bank: Path, work: Path, minutes: float) -> None:
    """Adam on MONAI's own losses – ATSS matcher, hard negatives – in bf16; the state is kept every 25 steps."""
    torch.manual_seed(0)
    net = make_retina(GIVEN)
    learner = RetinaNetDetector(net, AnchorGeneratorWithAnchorShape(GIVEN.anchor_scales, GIVEN.anchors))
    learner.set_atss_matcher(num_candidates=4, center_in_gt=False)
    learner.set_hard_negative_sampler(batch_size_per_image=48, positive_fraction=0.3, pool_size=8, min_neg=16)
    steps = torch.optim.AdamW(net.parameters(), lr=RATE, weight_decay=1e-4)
    plan = torch.optim.lr_scheduler.OneCycleLR(steps, RATE, total_steps=STEPS, pct_start=0.15)
    state, at, spent = work / "state.pt", 0, 0.0
    if state.exists():
        held = torch.load(state, weights_only=True)
        net.load_state_dict(held["net"])
        steps.load_state_dict(held["steps"])
        plan.load_state_dict(held["plan"])
        at, spent = held["at"], held["spent"]
    pieces, balls = learned_from(bank, work)
    learner.train()
    losses, began = [], time.process_time() - spent
    while at < STEPS and time.process_time() - began < minutes * 60:
        rng = np.random.default_rng([0, at])
        images, targets = zip(*(drawn(pieces, balls, rng) for _ in range(BATCH)), strict=True)
        volume = torch.stack(images)
        with torch.autocast("cpu", torch.bfloat16):
            said = net(volume)
        said = {name: [one.float() for one in maps] for name, maps in said.items()}
        learner.generate_anchors(volume, said)
        flat = {name: learner._reshape_maps(maps) for name, maps in said.items()}
        counts = [one.shape[2:].numel() for one in said[learner.cls_key]]
        parts = learner.compute_loss(flat, list(targets), learner.anchors, counts)
        loss = parts[learner.cls_key] + parts[learner.box_reg_key]
        steps.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 5.0)
        steps.step()
        plan.step()
        at += 1
        losses.append([float(parts[name].detach()) for name in (learner.cls_key, learner.box_reg_key)])
        if at % 25 == 0 or at == STEPS:
            used = time.process_time() - began
            held = {"net": net.state_dict(), "steps": steps.state_dict(), "plan": plan.state_dict()}
            torch.save({**held, "at": at, "spent": used}, state.with_suffix(".part"))
            state.with_suffix(".part").replace(state)
            said_now = ", ".join(f"{x:.3f}" for x in np.mean(losses[-25:], axis=0))
            print(f"step {at} of {STEPS}, {used:.0f} s of processor: losses {said_now} (class, box)", flush=True)


def trained(work: Path) -> Any:
    net = make_retina(GIVEN)
    net.load_state_dict(torch.load(work / "state.pt", weights_only=True)["net"])
    return net.eval()


def half_of(case: Case) -> Case:
    """A prepared case with the lungs and the truth of the patient's left half: of both, a search takes minutes more."""
    grid = case.image.grid
    lung = np.asarray(case.regions["lung"].read(grid.whole), bool).copy()
    middle = int(np.median(np.flatnonzero(lung.any(axis=(0, 1)))))
    lung[..., :middle] = False
    truth = tuple(one for one in case.truth or () if grid.world_to_index(one.centre_mm)[2] >= middle)
    return replace(case, truth=truth, regions={**case.regions, "lung": ArrayImage(grid, lung)})


def found(case: Case, candidates: Sequence[Candidate]) -> list[int]:
    """The rank of the first candidate within each lesion; 0 where none of the first 100 is."""
    centres = np.array([one.centre_mm for one in candidates[:100]]).reshape(-1, 3)
    ranks = []
    for lesion in case.truth or ():
        hit = np.linalg.norm(centres - lesion.centre_mm, axis=1) <= lesion.radius_mm
        ranks.append(int(hit.argmax()) + 1 if hit.any() else 0)
    return ranks


def screen(bank: Path, work: Path, copies: int, numbers: Sequence[int], model: Path | None, name: str) -> None:
    """One JSON per copy: ranks of each nodule, in the full search and around so many candidates."""
    retina = detector(trained(work), "bf16")
    net, _ = load_model(chosen_model(model, "ct-nodule"))
    settings = CtNodule(infer=InferSettings(threshold=0.0, limit=1000))
    fast = NoduleDetector(net, settings.infer, pick_device("auto"))
    for copy, case in enumerate(with_nodules(TEST, load_bank(bank), copies, PER_COPY)):
        file = work / f"{name}-{copy:02d}.json"
        held = json.loads(file.read_text()) if file.exists() else {}
        wanted = ["full", *(str(n) for n in numbers)]
        if all(key in held for key in wanted):
            continue
        prepared, first = half_of(prepare_ct(case, PREPARE)), fast.find(prepare_ct(case, settings.prepare))
        for key in wanted:
            if key in held:
                continue
            limit = None if key == "full" else ScreenSettings(most=int(key))
            clock = Clock()
            candidates = retina.find(prepared if limit is None else screened(prepared, first, limit))
            held[key] = found(prepared, candidates)
            print(f"copy {copy}, {key}: {clock.lap()}, ranks {held[key]}", flush=True)
            file.write_text(json.dumps(held, indent=1) + "\n")
    table(work, name)


def table(work: Path, name: str) -> None:
    held = [json.loads(file.read_text()) for file in sorted(work.glob(f"{name}-[0-9]*.json"))]
    full = [rank for one in held for rank in one["full"]]
    print(f"{len(full)} nodules in {len(held)} copies: the full search finds {sum(rank > 0 for rank in full)}")
    for key in held[0]:
        if key != "full":
            ranks = [rank for one in held for rank in one[key]]
            lost = sum(a > 0 and b == 0 for a, b in zip(full, ranks, strict=True))
            print(f"around {key}: {sum(rank > 0 for rank in ranks)} found, {lost} lost of those of the full search")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb in ("train", "screen"):
        one = verbs.add_parser(verb)
        one.add_argument("bank", type=Path)
        one.add_argument("--work", type=Path, required=True)
    verbs.choices["train"].add_argument("--minutes", type=float, default=15.0, help="of processor, at most")
    verbs.choices["screen"].add_argument("--copies", type=int, default=2)
    verbs.choices["screen"].add_argument("--most", type=int, action="append", required=True)
    verbs.choices["screen"].add_argument("--model", type=Path, help="the fast one; the shipped one if left out")
    verbs.choices["screen"].add_argument("--name", default="screen", help="of the files with what was found")
    options = parser.parse_args()
    if options.verb == "train":
        train(options.bank, options.work, options.minutes)
    else:
        screen(options.bank, options.work, options.copies, options.most, options.model, options.name)


if __name__ == "__main__":
    main()
