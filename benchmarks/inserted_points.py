"""Operating points of a model that learned from every scan there is, set by models of the same recipe that did not.

    python benchmarks/inserted_real.py measure PARTS/test … --work WORK --model A   # in the scans that A never saw
    python benchmarks/inserted_real.py measure PARTS/test … --work WORK --model B   # in the others
    python benchmarks/inserted_points.py WORK --of A --of B --for MODEL [--about ABOUT.yaml]

Each copy of a scan was searched by the one of A and B that saw neither the scan nor the nodules' patients. What they
said together gives thresholds, calibration and figures with intervals over the scans' patients, and is written into the
card of MODEL. Its own scores may lie a little higher or lower.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from inserted_real import model_of, name_of
from lesionkit.evaluate.froc import Detections
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.tally import Tally
from lesionkit.recipes.card import POINTS, read_about
from lesionkit.recipes.deciding import entries_of, fitted
from lesionkit.recipes.ensemble import complete_model


def tally_of(records: list[dict[str, Any]]) -> Tally:
    """All copies together; the patient of a copy is that of its scan."""
    lesions = [(n, lesion["score"] or -np.inf) for n, record in enumerate(records) for lesion in record["nodules"]]
    false = [(n, score) for n, record in enumerate(records) for score in record["false_positives"]]
    cases, scores = (np.array(column) for column in zip(*lesions, strict=True))
    false_cases, false_scores = (np.array(column) for column in zip(*false, strict=True))
    found = Detections(len(records), cases.astype(int), scores, false_cases.astype(int), false_scores)
    patients = {str(n): record["scan"] for n, record in enumerate(records)}
    return Tally(found, Patients.of(list(patients), patients), "scan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path)
    parser.add_argument("--of", action="append", type=model_of, required=True)
    parser.add_argument("--for", dest="model", type=Path, required=True)
    parser.add_argument("--about", type=Path)
    options = parser.parse_args()
    files = [file for model in options.of for file in sorted((options.work / name_of(model)).glob("*.json"))]
    tally = tally_of([json.loads(file.read_text()) for file in files])
    entries = entries_of(tally, fitted(tally), {})
    complete_model(options.model, {**entries, **(read_about(options.about) if options.about else {})})
    for point in entries[POINTS]["points"]:
        figures = ", ".join(
            f"{name} {f['value']:.3f} ({f['lower']:.3f} to {f['upper']:.3f})" for name, f in point["figures"].items()
        )
        print(f"{point['name']}: threshold {point['threshold']:.3f}, {figures}")


if __name__ == "__main__":
    main()
