"""How patches are drawn and changed, one thing at a time, with equal minutes per arm, on phantom slides.

    lesionkit phantom slide --out TRAIN --count 40 --seed 202
    lesionkit phantom slide --out TEST --count 44 --seed 101
    python benchmarks/slide_ablation.py TRAIN TEST PATCHES --work W --minutes 0.45 --start-minutes 2
    python benchmarks/slide_ablation.py TRAIN TEST PATCHES --work W --table

All arms go on from one start, which has seen the real labelled patches of PATCHES and no phantom. Minutes are those of
this process on its one thread, so that other work on the machine takes nothing from an arm; reading, changing and
mining patches counts. Every arm is judged on the same window of 0.96 × 0.96 mm of each test slide, around a random
place of its tumour or else of its tissue, not on whole slides: AUC of the cells of 8 µm, AUC of the windows as slides
(top area 0.01 mm2), and lesion FROC (exact, peaks, isolated tumour cells counted as lesions, an eighth of the rates).
Intervals are over slides; differences are paired, draw by draw. What is finished is not run again.
"""

import argparse
import json
import shutil
import time
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch

from lesionkit.core.files import write_text
from lesionkit.core.grid import Grid
from lesionkit.core.outline import SlideMask
from lesionkit.evaluate.bootstrap import draw_cases
from lesionkit.evaluate.camelyon16 import score_camelyon16
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings
from lesionkit.evaluate.roc import auc, resample_auc
from lesionkit.infer.dense import NetRunner
from lesionkit.infer.marks import PeakSettings, peaks
from lesionkit.infer.patch_scores import score_patches
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.infer.slide_score import SlideScoreSettings, slide_score
from lesionkit.learn import steps as learn_steps
from lesionkit.learn.patches import fit_patches, seed_everything
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.nets.weights import load_net, save_model
from lesionkit.read.patch_set import read_patch_set
from lesionkit.read.slide.set import read_slide_set
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.sample.augment_slide_settings import SlideAugmentSettings
from lesionkit.sample.mine_slide import hard_negatives
from lesionkit.sample.slide_batches import PatchBatches
from lesionkit.sample.slide_cache import PackedPatches, pack_patches
from lesionkit.sample.slide_patches import LabelledPatches
from slide_arms import ARMS, COMMON, Arm, ArmDraws, normaliser_of
from slide_ensemble import ensembles
from slide_held import CELL, HALO, SIDE, Windows, hold, prepared_of, windows

# The minutes of a training are those that this process works, on a machine that others share.
learn_steps.time = SimpleNamespace(perf_counter=time.process_time)

BATCH, FOREVER = 32, 100_000
PEAKS = PeakSettings(threshold=0.02, radius_um=120, limit=200)
RATES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1)
"""False positives per window: an eighth of CAMELYON16's, as a window has about a ninth of the tissue of its slide."""
TOP_AREA = SlideScoreSettings(rule="top area", top_mm2=0.01)
FIGURES = ("cell AUC", "slide AUC", "FROC")
LEVELS = np.linspace(-14, 14, 1401)
GRID = Grid.upright((SIDE // CELL,) * 2, (CELL / 1000,) * 2, (CELL / 2000,) * 2)


class Bench:
    def __init__(self, given):
        self.given, self.work, self.settings = given, given.work, SlideMetastasis()
        self.work.mkdir(parents=True, exist_ok=True)
        slides = hold(given.train, self.work, self.settings)
        names = np.random.default_rng(3).permutation(sorted(slides))
        self.held_out = set(names[: len(names) // 3].tolist())
        self.slides = {name: slide for name, slide in slides.items() if name not in self.held_out}
        self.test = windows(given.test, None, self.work, self.settings)
        self.validation = windows(given.train, sorted(self.held_out), self.work, self.settings)

    def learn(self, minutes: float, seed: int, **values) -> PatchLearnSettings:
        learn = {"steps": FOREVER, "batch": BATCH, "rate": 1e-3, "shape": "cosine", "average": 0.95}
        learn |= {"middle_weight": 1.0, "workers": 0, "device": "cpu", "validate_every": 10**6}
        return PatchLearnSettings.parse({**learn, "minutes": minutes, "seed": seed, **values})

    def fit(self, net, name, learn, draw, augment):
        folder = self.work / "trainings" / name
        shutil.rmtree(folder, ignore_errors=True)
        fitted = fit_patches(net, folder, learn, PatchBatches(draw, BATCH, FOREVER, augment, learn.seed))
        shutil.rmtree(folder, ignore_errors=True)
        return fitted.net, int(fitted.figures["steps"])

    def start(self) -> Path:
        """A net that has seen real patches only."""
        path = self.work / "start.safetensors"
        if not path.is_file():
            found = read_patch_set(self.given.patches)
            images = np.stack([found.image(n) for n in range(len(found))])
            labelled = LabelledPatches(images, found.labels.astype(int))
            seed_everything(0)
            net = PatchNet(PatchNetSettings(pretrained=False))
            learn = self.learn(self.given.start_minutes, 0, rate=2e-3, shape="one cycle")
            net, steps = self.fit(net, "start", learn, lambda _epoch: labelled, SlideAugmentSettings())
            print(f"start: {steps} steps", flush=True)
            save_model(path, net, {"steps": steps})
        return path

    def run(self, name: str, arm: Arm) -> None:
        slug = "".join(c if c.isalnum() else "-" for c in name)
        file = self.work / "results" / f"{slug}.json"
        if file.is_file():
            return
        begun = time.process_time()
        net = load_net(self.start(), PatchNet)[0].requires_grad_(True)
        draws = ArmDraws(arm, self.slides, self.settings, self.common_steps(), BATCH)
        ready = time.process_time()
        minutes, steps = self.given.minutes, 0
        if arm.hard:
            net, steps = self.fit(net, slug, self.learn(minutes / 2, arm.seed), draws, arm.augmentation)
            rows = draws.normal(60, np.random.default_rng(1))
            draws.hard = hard_negatives(rows, score_patches(net, draws.read(rows)))
            print(f"{len(draws.hard)} hard of {len(rows)}", flush=True)
            net.requires_grad_(True)
            minutes -= (time.process_time() - ready) / 60
        net, more = self.fit(net, slug, self.learn(max(minutes, 0.02), arm.seed), draws, arm.augmentation)
        spent = time.process_time()
        logits = {"test": self.search(net, self.test, arm, self.given.test)}
        if arm.validated:
            logits["validation"] = self.search(net, self.validation, arm, self.given.train)
        (self.work / "maps").mkdir(exist_ok=True)
        np.savez_compressed(self.work / "maps" / f"{slug}.npz", **logits)
        told = {"arm": name, "group": arm.group, "steps": steps + more, "minutes": self.given.minutes}
        told |= {"training_s": spent - ready, "setting_up_s": ready - begun, "search_s": time.process_time() - spent}
        result = {**told, "figures": judged(logits["test"], self.test)}
        write_text(file, json.dumps(result) + "\n")
        print(f"{datetime.now():%H:%M:%S} {name}: {told['steps']} steps; {line(result)}", flush=True)

    def common_steps(self) -> int:
        slug = "".join(c if c.isalnum() else "-" for c in COMMON)
        file = self.work / "results" / f"{slug}.json"
        return json.loads(file.read_text())["steps"] if file.is_file() else 100

    def search(self, net: PatchNet, shown: Windows, arm: Arm, data: Path) -> np.ndarray:
        """Logits (slides, rows, columns), as float16."""
        normalise = None
        if arm.stain != "none":
            entries = [entry for entry in read_slide_set(data) if entry.slide_id in shown.names]
            prepared = {e.slide_id: prepared_of(e, self.work, self.settings) for e in entries}
            normalise = normaliser_of(arm.stain, prepared, self.settings)
        run, margin = NetRunner(net, "bf16", "cpu", CELL), HALO // CELL
        maps = []
        for name, pixels in zip(shown.names, shown.pixels, strict=True):
            pixels = normalise(name, pixels) if normalise is not None else pixels
            found = run(pixels[None])[0][margin:-margin, margin:-margin].astype(np.float64).clip(1e-6, 1 - 1e-6)
            maps.append(np.log(found / (1 - found)))
        return np.stack(maps).astype(np.float16)


def map_of(logits, tissue) -> ProbabilityMap:
    return ProbabilityMap(GRID, (1 / (1 + np.exp(-logits.astype(np.float32)))).astype(np.float32), tissue)


def judged(logits, shown: Windows) -> dict:
    """By part (AB, A, B) and figure: the value, its draws."""
    maps = [map_of(*pair) for pair in zip(logits, shown.tissue, strict=True)]
    scores = np.array([slide_score(m, TOP_AREA) for m in maps])
    marks = [[(c.score, c.centre_mm[0] * 2000, c.centre_mm[1] * 2000) for c in peaks(m, PEAKS)] for m in maps]
    counts = cell_counts(logits, shown)
    parts = {}
    for part in ("AB", "A", "B"):
        chosen = np.flatnonzero([centre in part for centre in shown.centres])
        draws = draw_cases(len(chosen), 1000, 1607)
        cells = cell_auc(np.ones((1, len(chosen))), counts[:, chosen])[0], cell_auc(draws, counts[:, chosen])
        slides = auc(shown.positive[chosen], scores[chosen])
        size = (SIDE * 2.0, SIDE * 2.0)
        froc = score_camelyon16(
            {shown.names[n]: marks[n] for n in chosen},
            {shown.names[n]: SlideMask(shown.tumour[n], CELL * 2, size_xy=size) for n in chosen},
            "exact",
            settings=Camelyon16Settings(level_0_um=0.5, downsample=CELL * 2, itc_um=0, rates=RATES),
        )
        found = {
            "cell AUC": cells,
            "slide AUC": (slides, resample_auc(shown.positive[chosen], scores[chosen], draws)),
            "FROC": (froc.figures["cpm"].value, froc.resamples.figures["cpm"]),
        }
        parts[part] = {k: {"value": float(v), "draws": np.round(d, 4).tolist()} for k, (v, d) in found.items()}
        parts[part]["slides"], parts[part]["lesions"] = len(chosen), froc.counts["lesions"]
    return parts


def cell_counts(logits, shown: Windows) -> np.ndarray:
    """(2, slides, levels): cells of tissue without and with tumour, by level of their logit."""
    counts = np.zeros((2, len(logits), len(LEVELS) + 1))
    for n, one in enumerate(logits):
        place = np.searchsorted(LEVELS, one.astype(np.float32))
        for kind in (0, 1):
            counts[kind, n] = np.bincount(place[shown.tissue[n] & (shown.tumour[n] == kind)], minlength=len(LEVELS) + 1)
    return counts


def cell_auc(draws, counts) -> np.ndarray:
    """(draws,) area; equal levels count half."""
    without, within = (draws @ kind for kind in counts)
    below = np.cumsum(without, axis=1) - without / 2
    with np.errstate(invalid="ignore"):
        return (within * below).sum(axis=1) / (within.sum(axis=1) * without.sum(axis=1))


def spread(values) -> tuple[float, float]:
    low, high = np.nanpercentile(np.array(values, dtype=float), [2.5, 97.5])
    return float(low), float(high)


def cell(figure: dict) -> str:
    return "{:.3f} ({:.3f} to {:.3f})".format(figure["value"], *spread(figure["draws"]))


def line(result: dict) -> str:
    return ", ".join(f"{name} {cell(result['figures']['AB'][name])}" for name in FIGURES)


def minus(one: dict, other: dict) -> str:
    """Interval of the paired difference, starred where it leaves out 0."""
    low, high = spread(np.array(one["draws"], dtype=float) - np.array(other["draws"], dtype=float))
    star = " *" if low > 0 or high < 0 else ""
    return f"{one['value'] - other['value']:+.3f} ({low:+.3f} to {high:+.3f}){star}"


def table(work: Path) -> None:
    found = {r["arm"]: r for r in (json.loads(p.read_text()) for p in (work / "results").glob("*.json"))}
    if COMMON not in found:
        print("the common arm is not finished")
        return
    common = found[COMMON]["figures"]
    for group in dict.fromkeys(arm.group for arm in ARMS.values()):
        rows = [found[name] for name, arm in ARMS.items() if name in found and arm.group == group]
        if not rows:
            continue
        rows = rows if group == "sampling" else [found[COMMON], *rows]
        print(f"\n### {group}\n\n| arm | steps | cell AUC | minus common | slide AUC | FROC | minus common |")
        print("|---|---|---|---|---|---|---|")
        for r in rows:
            own = r["figures"]["AB"]
            changes = [minus(own[k], common["AB"][k]) if r["arm"] != COMMON else "" for k in ("cell AUC", "FROC")]
            cells = [cell(own["cell AUC"]), changes[0], cell(own["slide AUC"]), cell(own["FROC"]), changes[1]]
            print(f"| {r['arm']} | {r['steps']} | {' | '.join(cells)} |")
    centre_table([r for name, r in found.items() if ARMS[name].group in ("centre", "stain")], found[COMMON])
    ensembles(work, found, judged, map_of)


def centre_table(rows, common) -> None:
    slides = {part: common["figures"][part]["slides"] for part in "AB"}
    print(
        f"\n### centre shift\n\n| learned on | cell AUC on A ({slides['A']} slides) | on B ({slides['B']} slides) | ",
        end="",
    )
    print("on B minus common on B | FROC on A | FROC on B |\n|---|---|---|---|---|---|")
    for r in [common, *rows]:
        a, b = r["figures"]["A"], r["figures"]["B"]
        change = minus(b["cell AUC"], common["figures"]["B"]["cell AUC"]) if r is not common else ""
        cells = [cell(a["cell AUC"]), cell(b["cell AUC"]), change, cell(a["FROC"]), cell(b["FROC"])]
        print(f"| {r['arm']} | {' | '.join(cells)} |")


def reading(bench: Bench, count: int = 640) -> None:
    """Patches a second from the slides, from the packed cache and from decoded slides in memory; the same patches."""
    draws = ArmDraws(replace(ARMS[COMMON], from_slides=True), bench.slides, bench.settings, 1, BATCH)
    rows = pd.concat([draws.rows(n, np.random.default_rng(n)) for n in range(count // 320)], ignore_index=True)
    rows = rows.drop_duplicates(["slide", "row", "column"]).reset_index(drop=True)
    folder = bench.work / "packed"
    shutil.rmtree(folder, ignore_errors=True)
    begun = time.process_time()
    pack_patches(folder, draws.read(rows), rows)
    print(f"packed {len(rows)} patches in {time.process_time() - begun:.1f} s")
    in_memory = ArmDraws(ARMS[COMMON], bench.slides, bench.settings, 1, BATCH).read(rows)
    for name, patches in (
        ("slides", draws.read(rows)),
        ("packed cache", PackedPatches(folder, rows)),
        ("memory", in_memory),
    ):
        begun = time.process_time()
        total = sum(int(patches.raw(n).image[0, 0, 0]) for n in range(len(rows)))
        print(f"{name}: {len(rows) / (time.process_time() - begun):.0f} patches a second of this thread ({total})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("train", "test", "patches"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=0.45)
    parser.add_argument("--start-minutes", type=float, default=2.0)
    parser.add_argument("--arms", nargs="+", default=list(ARMS))
    parser.add_argument("--until", help="begin no arm that would not end by this time of day, HH:MM")
    parser.add_argument("--table", action="store_true")
    parser.add_argument("--reading", action="store_true", help="only say how fast patches are read")
    given = parser.parse_args()
    if given.table:
        table(given.work)
        return
    torch.set_num_threads(1)
    bench, longest = Bench(given), timedelta(0)
    if given.reading:
        reading(bench)
        return
    bench.start()
    for name in given.arms:
        begun = datetime.now()
        if given.until and f"{begun + longest:%H:%M}" >= given.until:
            print(f"no time for {name}", flush=True)
            continue
        bench.run(name, replace(ARMS[name]))
        longest = max(longest, datetime.now() - begun)


if __name__ == "__main__":
    main()
