"""The results of `xray_ablation.py` as tables: each arm with its intervals, and its distance to an arm to compare with.

    python benchmarks/xray_table.py W W2
    python benchmarks/xray_table.py WBIG --results results-more

Of several seeds the mean is given, with the spread between them; intervals are 95 %, by bootstrap over patients, of the
mean over seeds. They say how much other patients would change the figure, not how much other seeds would.
"""

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from xray_sets import resamples

REFERENCES = ("common", "claim: common", "net common", "best of three")
FIGURES = ("dice", "positives")
DICES = ("Kaggle's Dice", "difference", "Dice on positives", "difference")


def tables(works: Sequence[Path], folder: str) -> None:
    results = [json.loads(path.read_text()) for work in works for path in sorted((work / folder).glob("*.json"))]
    kinds = sorted({kind_of(r) for r in results}, key=lambda kind: (kind[0], -kind[1]))
    for kind in kinds:
        chosen = [r for r in results if kind_of(r) == kind]
        for reference in REFERENCES:
            arms = {r["arm"] for r in chosen if reference_of(r["arm"]) == reference}
            if arms:
                table(kind, {a: [r for r in chosen if r["arm"] == a] for a in arms}, reference)
    for result in results:
        if "rules" in result and result["seed"] == 0:
            rules(result)


def kind_of(result: dict) -> tuple[str, float]:
    return f"{'from scratch' if result['fresh'] else 'from a start'}, at {result['side']} pixels", result["share"]


def reference_of(arm: str) -> str:
    """Which arm it is compared with."""
    if arm.startswith(("recipe", "best")):
        return "best of three"
    if arm.startswith(("net", "norm none", "norm group")):
        return "net common"
    return "claim: common" if arm.startswith("claim") else "common"


def table(kind: tuple[str, float], arms: dict[str, list[dict]], reference: str) -> None:
    print(f"\n{kind[0]}, {kind[1]:.0%} of the labelled patients; differences are from '{reference}'\n")
    print(header("arm", "minutes", "steps", "runs", *DICES, "AUC", "on validation"))
    for name, runs in sorted(arms.items(), key=lambda arm: -np.mean([r["dice"][0] for r in arm[1]])):
        cells = []
        for figure in FIGURES:
            cells += [cell(runs, figure), difference(runs, arms.get(reference, []), figure)]
        cells.append(f"{np.mean([r['auc'][0] for r in runs]):.3f}{spread(r['auc'][0] for r in runs)}")
        cells.append(f"{np.mean([r['validation'] for r in runs]):.3f}")
        steps = np.mean([r["steps"] for r in runs])
        print(f"| {name} | {runs[0]['minutes']:g} | {steps:.0f} | {len(runs)} | {' | '.join(cells)} |")


def header(*names: str) -> str:
    return f"| {' | '.join(names)} |\n|{'---|' * len(names)}"


def cell(runs: list[dict], figure: str) -> str:
    mean, low, high = interval(np.mean([r["values"] for r in runs], axis=0), runs[0], figure)
    return f"{mean:.3f} ({low:.3f} to {high:.3f}){spread(r[figure][0] for r in runs)}"


def spread(values) -> str:
    held = list(values)
    return f" ± {np.std(held, ddof=1):.3f}" if len(held) > 1 else ""


def difference(runs: list[dict], others: list[dict], figure: str) -> str:
    """Paired over images, and over the seeds that both have."""
    seeds = {r["seed"] for r in runs} & {r["seed"] for r in others}
    if not seeds or runs[0]["arm"] == others[0]["arm"]:
        return ""
    ours, theirs = (np.mean([r["values"] for r in side if r["seed"] in seeds], axis=0) for side in (runs, others))
    mean, low, high = interval(ours - theirs, runs[0], figure)
    told = f"{mean:+.3f} ({low:+.3f} to {high:+.3f})"
    return f"**{told}**" if low > 0 or high < 0 else told


def interval(values: np.ndarray, run: dict, figure: str) -> tuple[float, float, float]:
    """Mean of values of images, of all or of the positive ones, with its interval."""
    inside = np.array(run["inside"], bool)
    drawn = []
    for numbers in resamples(run["patients"], inside):
        chosen = numbers[inside[numbers]] if figure == "positives" else numbers
        drawn.append(values[chosen].mean())
    whole = values[inside] if figure == "positives" else values
    return float(whole.mean()), *(float(edge) for edge in np.percentile(drawn, [2.5, 97.5]))


def rules(result: dict) -> None:
    print(f"\nrules on the predictions of '{result['arm']}', seed 0; all-empty baseline {result['empty']:.3f}\n")
    print(header("rule", "Kaggle's Dice", "minus one threshold", "Dice on positives", "optimism of the search"))
    every = {**result["rules"], "triplet, mirrored too": result["flip"]}
    for name, one in every.items():
        own = {**one, "patients": result["patients"], "seed": 0, "arm": name}
        plain = {**every["plain"], "seed": 0, "arm": "plain"}
        cells = [cell([own], "dice"), difference([own], [plain], "dice"), cell([own], "positives")]
        print(f"| {name} | {' | '.join(cells)} | {one['optimism']:.3f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, nargs="+")
    parser.add_argument("--results", default="results", help="results-more: those of xray_together.py")
    given = parser.parse_args()
    tables(given.work, given.results)


if __name__ == "__main__":
    main()
