"""The phantom test: how well a model finds the nodules of synthetic chests that it never saw.

    python benchmarks/phantom_test.py --work FOLDER [--model RUN] [--count 48]

Makes the test set (seeds 100000 and up, a quarter healthy), searches it through the command line, and prints CPM with
its 95 % interval, sensitivity at one false positive per scan by size, and what a tuned blob filter reaches on the same
scans. Synthetic scans only: nothing here is a claim about patients.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

SEED = 100_000


def lesionkit(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "lesionkit", *words], check=True)


def by_size(score: dict[str, Any], low: float, high: float) -> tuple[float, int]:
    """Sensitivity at one false positive per scan of the lesions between two diameters, and their number."""
    rows = [row for row in score["subgroups"] if row["column"] == "diameter_mm"]
    chosen = [row for row in rows if low <= edges(row["group"])[0] and edges(row["group"])[1] <= high]
    lesions = sum(row["lesions"] for row in chosen)
    return sum(row["sensitivity at 1"] * row["lesions"] for row in chosen) / max(lesions, 1), lesions


def edges(name: str) -> tuple[float, float]:
    numbers = [float(word) for word in name.replace("–", " ").replace("-", " ").split() if word[0].isdigit()]
    return (numbers[0], numbers[1]) if len(numbers) == 2 else (numbers[0], float("inf"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=Path, required=True, help="folder for the scans and the run")
    parser.add_argument("--model", type=Path, help="run folder or model file; default: the shipped model")
    parser.add_argument("--count", type=int, default=48)
    parser.add_argument("--no-blobs", action="store_true", help="leave out the blob filter")
    options = parser.parse_args()
    data, run = options.work / "test", options.work / "run"
    lesionkit("phantom", "ct", "--out", str(data), "--count", str(options.count), "--seed", str(SEED))
    model = ["--model", str(options.model)] if options.model else []
    lesionkit("find", str(data), "--out", str(run), *model, "--set", 'score.by=["diameter_mm","texture","attachment"]')
    score = json.loads((run / "score" / "score.json").read_text())
    counts, cpm = score["counts"], score["figures"]["cpm"]
    print(f"scans {counts['scans']}, nodules {counts['lesions']}, protocol {score['protocol']}")
    print(f"CPM {cpm['value']:.3f} (95 % interval {cpm['lower']:.3f} to {cpm['upper']:.3f})")
    for low, high in ((0, 4), (4, 6), (6, 8), (8, float("inf"))):
        sensitivity, lesions = by_size(score, low, high)
        print(f"sensitivity at 1 FP/scan, {low:g} to {high:g} mm: {sensitivity:.3f} of {lesions}")
    for row in score["subgroups"]:
        print(f"  {row['column']:>12} {row['group']!s:>16}: CPM {row['cpm']:.3f} of {row['lesions']}")
    if not options.no_blobs:
        print("blob filter, tuned on other phantoms, on the same scans:", flush=True)
        script = Path(__file__).with_name("blob_baseline.py")
        subprocess.run([sys.executable, str(script), "--test", str(options.count)], check=True)


if __name__ == "__main__":
    main()
