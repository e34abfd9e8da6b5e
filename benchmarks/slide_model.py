"""A model for slides on whole phantom slides: lesion FROC by both protocols, slide AUC by every rule of scoring.

    lesionkit phantom slide --out TEST --count 44 --seed 101
    python benchmarks/slide_model.py TEST --model RUN/model.safetensors --work W
    python benchmarks/slide_model.py TEST --model RUN/model.safetensors --work W --table

Every slide is searched once, densely; all rules are read from the same maps. The fast mode of system 4 (patches of 256,
the largest probability of the middle 128, the largest of at most 5,000 patches) is read from the maps too: the middle
of a patch is 64 px from its edge, further than an output of the shipped net sees, so that the values are the same up to
the padding of the patch. Slides that are searched are not searched again.
"""

import argparse
import time
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

import numpy as np
import torch

from lesionkit.core.lesion import Candidate
from lesionkit.evaluate.bootstrap import draw_cases
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings
from lesionkit.evaluate.roc import auc_figure, resample_auc
from lesionkit.infer.aggregate import fit_aggregator
from lesionkit.infer.marks import peaks, regions
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.infer.slide_score import SlideScoreSettings, slide_features, slide_score
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.weights import load_net
from lesionkit.read.slide.set import SlideEntry, read_slide_set
from lesionkit.recipes.slide.answer import Measured
from lesionkit.recipes.slide.case import open_case, tissue_of
from lesionkit.recipes.slide.map import probability_map
from lesionkit.recipes.slide.metastasis import RECIPE
from lesionkit.recipes.slide.score import known_of, score_slides_found
from lesionkit.recipes.slide.search import SLIDE_SEARCH, FoundSlide
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.slide.truth import item_of_entry
from lesionkit.runs.records import record_file, record_files, write_record

RULES = {
    "maximum (the original)": SlideScoreSettings(rule="maximum"),
    "quantile 0.9999": SlideScoreSettings(rule="quantile", quantile=0.9999),
    "quantile 0.999": SlideScoreSettings(rule="quantile", quantile=0.999),
    "quantile 0.99": SlideScoreSettings(rule="quantile", quantile=0.99),
    "area above 0.5": SlideScoreSettings(rule="area", threshold=0.5),
    "area above 0.9": SlideScoreSettings(rule="area", threshold=0.9),
    "top area 0.001 mm2": SlideScoreSettings(rule="top area", top_mm2=0.001),
    "top area 0.01 mm2": SlideScoreSettings(rule="top area", top_mm2=0.01),
    "top area 0.1 mm2": SlideScoreSettings(rule="top area", top_mm2=0.1),
}
PATCH, MIDDLE = 256, 128
ORIGINAL_SHARE = 5000 / 22308
"""Of the tissue patches of a slide that the original looked at; a small phantom has fewer than 5,000 in all."""


def column_of(data: Path, name: str) -> dict[str, str]:
    """A column of labels.csv by slide."""
    rows = [line.split(",") for line in (data / "labels.csv").read_text().split()]
    place = rows[0].index(name)
    return {row[0]: row[place] for row in rows[1:]}


def search(entry: SlideEntry, net: PatchNet, settings: SlideMetastasis, work: Path) -> None:
    record, kept = record_file(work, entry.slide_id), work / f"{entry.slide_id}.npz"
    if record.is_file():
        return
    began = time.perf_counter()
    slide = open_case(entry.path, settings)
    tissue = tissue_of(slide, settings)
    found = probability_map(net, slide, tissue.mask, settings)
    np.savez_compressed(kept, array=found.array, computed=found.computed)
    seconds = time.perf_counter() - began
    measured = Measured.of(found, settings.answer)
    facts = {"seconds": seconds, "mm2": found.area_mm2}
    item = item_of_entry(entry)
    one = FoundSlide(item, slide.grid, slide.origin_xy, found.grid, measured, (), facts)
    write_record(work, item.case_id, {"item": asdict(item), **one.document()})
    print(f"{entry.slide_id}: {seconds:.1f} s, {found.area_mm2:.1f} mm2", flush=True)


def fast_mode(found: ProbabilityMap, quantile: float | None = None, share: float = 1.0) -> float:
    """The score of the fast mode: 10,000th smallest of 16,384 where a quantile is given, else the maximum."""
    cell = round(found.grid.spacing_mm[0] * 1000)
    side, middle = PATCH // cell, MIDDLE // cell
    margin = (side - middle) // 2
    scores = []
    for row in range(0, found.array.shape[0] - side + 1, side):
        for column in range(0, found.array.shape[1] - side + 1, side):
            box = (slice(row, row + side), slice(column, column + side))
            if found.computed[box].mean() >= 0.25:
                part = found.array[box][margin : margin + middle, margin : margin + middle].ravel()
                place = len(part) - 1 if quantile is None else int(np.ceil(quantile * len(part))) - 1
                scores.append(float(np.sort(part)[place]))
    if not scores:
        return 0.0
    order = np.random.default_rng(42).permutation(len(scores))[: max(1, min(5000, round(share * len(scores))))]
    return float(np.array(scores)[order].max())


def slide_scores(maps: Mapping[str, ProbabilityMap], truth: np.ndarray) -> dict[str, np.ndarray]:
    """Score (slides,) of each rule."""
    scores = {name: np.array([slide_score(m, rule) for m in maps.values()]) for name, rule in RULES.items()}
    quantile = 10_000 / 16_384
    for name, values in {
        "fast mode, all patches": (None, 1.0),
        "fast mode, 10,000th smallest": (quantile, 1.0),
        "fast mode, 22 % of the patches as in the original": (None, ORIGINAL_SHARE),
        "fast mode, 10,000th smallest, 22 %": (quantile, ORIGINAL_SHARE),
    }.items():
        scores[name] = np.array([fast_mode(m, *values) for m in maps.values()])
    features = [slide_features(m) for m in maps.values()]
    fitted = fit_aggregator(features, truth, list(maps))
    scores["aggregator, nested cross-validation on these slides"] = np.asarray(fitted.out_of_fold)
    return scores


def rule_table(maps: Mapping[str, ProbabilityMap], truth: np.ndarray, centre: np.ndarray, stage: np.ndarray) -> None:
    draws = draw_cases(len(truth), 1000, 1607)
    scores = slide_scores(maps, truth)
    base = resample_auc(truth, scores["top area 0.01 mm2"], draws)
    print(
        "\n| rule on the same maps | slide AUC | minus top area 0.01, paired | A | B | no ITC slides | 0.999 or more |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, values in scores.items():
        figure = auc_figure(truth, values)
        low, high = np.nanpercentile(resample_auc(truth, values, draws) - base, [2.5, 97.5])
        parts = [auc_figure(truth[centre == c], values[centre == c]).value for c in "AB"]
        parts.append(auc_figure(truth[stage != "itc"], values[stage != "itc"]).value)
        full = int((values >= 0.999).sum()) if not name.startswith("area") else "–"
        print(
            f"| {name} | {figure.value:.3f} ({figure.lower:.3f} to {figure.upper:.3f}) | {low:+.3f} to {high:+.3f} | "
            f"{' | '.join(f'{part:.3f}' for part in parts)} | {full} |"
        )


def mark_table(found, maps, centre, settings) -> None:
    known, _ = known_of(found, settings)
    kinds = {
        "peaks": lambda m: peaks(m, settings.peaks),
        "regions": lambda m: [Candidate(r.centre_mm, r.max_score) for r in regions(m, settings.regions)],
        "regions, mean score": lambda m: [Candidate(r.centre_mm, r.mean_score) for r in regions(m, settings.regions)],
    }
    print("\n| marks | slides | lesions | FROC official | FROC exact | the same, isolated tumour cells counted |")
    print("|---|---|---|---|---|---|")
    every = settings.model_copy(update={"score": Camelyon16Settings.parse({"itc_um": 0})})
    for kind, mark in kinds.items():
        marked = [
            FoundSlide(o.item, o.grid, o.origin_xy, o.map_grid, o.measured, tuple(mark(maps[o.slide_id])), {})
            for o in found
        ]
        for part in ("AB", "A", "B"):
            chosen = [o for o in marked if centre[o.slide_id] in part]
            ranked = {o.slide_id: o.measured.rules["top area"] for o in chosen}
            theirs = {name: known[name] for name in ranked if name in known}
            scores = score_slides_found(chosen, ranked, theirs, settings)
            whole = score_slides_found(chosen, ranked, theirs, every)["exact"]
            figures = [*(scores[p].figures["cpm"] for p in ("official", "exact")), whole.figures["cpm"]]
            cells = [f"{one.value:.3f} ({one.lower:.3f} to {one.upper:.3f})" for one in figures]
            cells[-1] += f" of {whole.counts['lesions']}"
            name = "both" if part == "AB" else part
            print(f"| {kind} | {name}, {len(chosen)} | {scores['exact'].counts['lesions']} | {' | '.join(cells)} |")
            if part == "AB":
                print(f"<!-- {dict(scores['exact'].counts)} {scores['exact'].subgroups} -->")


def table(data: Path, work: Path, settings: SlideMetastasis) -> None:
    entries = {entry.slide_id: entry for entry in read_slide_set(data)}
    found = [SLIDE_SEARCH.read(path) for path in record_files(work)]
    maps = {}
    for one in found:
        held = np.load(work / f"{one.slide_id}.npz")
        maps[one.slide_id] = ProbabilityMap(one.map_grid, held["array"], held["computed"])
    centre, stage = column_of(data, "centre"), column_of(data, "stage")
    truth = np.array([bool(entries[name].label) for name in maps])
    seconds, mm2 = (sum(one.facts[name] for one in found) for name in ("seconds", "mm2"))
    print(f"{len(found)} slides, {int((~truth).sum())} normal; {mm2:.0f} mm2 of tissue in {seconds:.0f} s")
    mark_table(found, maps, centre, settings)
    rule_table(maps, truth, *(np.array([column[name] for name in maps]) for column in (centre, stage)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--until", default="23:59", help="begin no slide after this time of day")
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    settings = RECIPE.model_settings(given.model)
    settings = settings.model_copy(update={"infer": settings.infer.model_copy(update={"threads": 0})})
    given.work.mkdir(parents=True, exist_ok=True)
    if not given.table:
        torch.set_num_threads(1)
        net = load_net(given.model, PatchNet)[0]
        for entry in read_slide_set(given.data):
            if f"{datetime.now():%H:%M}" < given.until:
                search(entry, net, settings, given.work)
    table(given.data, given.work, settings)


if __name__ == "__main__":
    main()
