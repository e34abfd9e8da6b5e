"""Ensembles of arms of `slide_ablation.py` against their best member, from the maps they left."""

from pathlib import Path

import numpy as np

from lesionkit.evaluate.bootstrap import draw_cases
from lesionkit.evaluate.roc import auc, auc_figure, resample_auc
from lesionkit.infer.calibrate import ORIGINAL_WEIGHTS, calibrated_average, fit_calibration
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.infer.slide_score import SlideScoreSettings, slide_score
from slide_arms import ARMS


def ensembles(work: Path, found, judged, map_of) -> None:
    """Print slide AUC and cell AUC of ensembles of the arms whose validation maps were kept."""
    from slide_held import Windows

    names = [name for name, arm in ARMS.items() if arm.validated and name in found]
    if len(names) < 2:
        return
    files = [work / "maps" / ("".join(c if c.isalnum() else "-" for c in name) + ".npz") for name in names]
    maps = {part: [np.load(file)[part].astype(np.float32) for file in files] for part in ("validation", "test")}
    shown = {}
    for part in maps:
        path = next(p for p in work.glob("windows-*.npz") if len(np.load(p)["names"]) == len(maps[part][0]))
        held = np.load(path)
        shown[part] = Windows(held["names"].tolist(), *(held[k] for k in ("centres", "pixels", "tissue", "tumour")))
    scores = {part: np.stack([_scores(m, shown[part], map_of) for m in maps[part]], axis=1) for part in maps}
    truth = {part: shown[part].positive for part in maps}
    members = {name: scores["test"][:, n] for n, name in enumerate(names)}
    combined = {}
    for method in ("platt", "z-score"):
        curves = [fit_calibration(one, truth["validation"], method, "validation") for one in scores["validation"].T]
        combined[f"mean after {method}"] = calibrated_average(scores["test"], curves)
        if method == "z-score":
            for phase, weights in ORIGINAL_WEIGHTS.items():
                both = calibrated_average(scores["test"][:, :2], curves[:2], weights)
                combined[f"z-scores with the weights of {phase}, first two"] = both
    judge = [auc(truth["validation"], one) for one in scores["validation"].T]
    best = names[int(np.argmax(judge))]
    draws = draw_cases(len(truth["test"]), 1000, 1607)
    base = resample_auc(truth["test"], members[best], draws)
    print(f"\n### ensembles\n\nBest member on {len(truth['validation'])} validation slides: {best}.\n")
    print("| score | slide AUC | minus best member, paired |\n|---|---|---|")
    for name, values in {**members, **combined}.items():
        figure = auc_figure(truth["test"], values)
        low, high = np.nanpercentile(resample_auc(truth["test"], values, draws) - base, [2.5, 97.5])
        interval = f"({figure.lower:.3f} to {figure.upper:.3f})"
        print(f"| {name} | {figure.value:.3f} {interval} | {low:+.3f} to {high:+.3f} |")
    mean = np.mean([1 / (1 + np.exp(-m)) for m in maps["test"]], axis=0).clip(1e-6, 1 - 1e-6)
    _print_maps(judged(np.log(mean / (1 - mean)).astype(np.float16), shown["test"])["AB"], found[best]["figures"]["AB"])


def _print_maps(own, best) -> None:
    print("\n| maps | cell AUC | FROC | minus best member: cell AUC | FROC |\n|---|---|---|---|---|")
    for name, figures in (("best member", best), ("mean of the maps", own)):
        cells, changes = [], []
        for key in ("cell AUC", "FROC"):
            draws = np.array(figures[key]["draws"], dtype=float)
            low, high = np.nanpercentile(draws, [2.5, 97.5])
            cells.append(f"{figures[key]['value']:.3f} ({low:.3f} to {high:.3f})")
            low, high = np.nanpercentile(draws - np.array(best[key]["draws"], dtype=float), [2.5, 97.5])
            changes.append(f"{low:+.3f} to {high:+.3f}")
        print(f"| {name} | {' | '.join((*cells, *changes))} |")


def _scores(logits, shown, map_of) -> np.ndarray:
    rule = SlideScoreSettings(rule="top area", top_mm2=0.01)
    found: list[ProbabilityMap] = [map_of(*pair) for pair in zip(logits, shown.tissue, strict=True)]
    return np.array([slide_score(one, rule) for one in found])
