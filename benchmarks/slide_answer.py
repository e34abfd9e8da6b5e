"""Fit the curve of a slide model's score on what it found in slides that it has not learned from, where its own
training had too few of a kind.

    lesionkit find VALIDATION --recipe slide-metastasis --model MODEL --out FOUND
    python benchmarks/slide_answer.py MODEL FOUND [FOUND …]
"""

import argparse
from pathlib import Path

from lesionkit.recipes import load_recipe
from lesionkit.recipes.slide.answer import fit_answer
from lesionkit.recipes.slide.calibration import keep_answer
from lesionkit.recipes.slide.score import known_of
from lesionkit.recipes.slide.search import SLIDE_SEARCH
from lesionkit.runs.records import record_files


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("found", type=Path, nargs="+")
    options = parser.parse_args()
    settings = load_recipe("slide-metastasis").model_settings(options.model)
    measured, truth, patients = [], [], []
    for number, folder in enumerate(options.found):
        found = [SLIDE_SEARCH.read(file) for file in record_files(folder)]
        known, _ = known_of(found, settings)
        measured += [one.measured for one in found]
        truth += [known[one.slide_id].has_tumour for one in found]
        patients += [f"{number} {one.item.patient_id}" for one in found]
    answer, said = fit_answer(measured, truth, patients, settings.answer)
    keep_answer(options.model, answer)
    print(answer.curve, *said)


if __name__ == "__main__":
    main()
