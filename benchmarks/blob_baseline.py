"""How far a classical blob filter gets on the phantom test: the set must be too hard for it.

    python benchmarks/blob_baseline.py --test 40 --tune 8

A multi-scale Laplacian of Gaussian inside the true lungs, 2 to 12 mm standard deviation of the blob's Gaussian (balls
of 4 to 30 mm), its weights per scale tuned by coordinate search on phantoms of other seeds, non-maximum suppression,
scored by the LUNA16 rule. Outside the lungs the image is filled with lung, so the chest wall answers nowhere.
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import cKDTree

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.evaluate.froc import detections, froc, sensitivity_at
from lesionkit.phantoms.ct.chest import CtPhantomSettings, make_ct

Answers = tuple[NDArray[np.float64], NDArray[np.float64]]
SCALES_MM = (1.2, 1.8, 2.6, 3.8, 5.5, 8.0, 12.0)
"""Standard deviation; a ball of radius r answers most at r / sqrt(3)."""
RATES = (0.125, 0.25, 0.5, 1, 2, 4, 8)
TEST_SEED, TUNE_SEED = 100_000, 200_000
NO_SAMPLES = ArrayImage(Grid.upright((1, 1, 1), (1, 1, 1)), np.zeros((1, 1, 1), np.int16))


def blob_answers(case: Case, spacing_mm: float = 1.5) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """World positions (n, 3) of local maxima per scale, and their answers (n, scales), one column filled each."""
    grid = case.image.grid
    lung = case.regions["lung"].read(grid.whole)
    box = ndimage.find_objects(lung.astype(np.uint8))[0]
    hu = np.where(lung, np.clip(case.image.read(grid.whole), -1000, 200), -860)[box].astype(np.float32)
    zoom = np.array(grid.spacing_mm) / spacing_mm
    smooth = ndimage.gaussian_filter(hu, np.maximum(0, 0.4 * (1 / zoom - 1)))
    volume = ndimage.zoom(smooth, zoom, order=1, grid_mode=True, mode="nearest")
    inside = ndimage.zoom(lung[box].astype(np.float32), zoom, order=1, grid_mode=True, mode="nearest") > 0.5
    places, answers = [], []
    for column, sigma in enumerate(SCALES_MM):
        answer = -(sigma**2) * ndimage.gaussian_laplace(volume, sigma / spacing_mm) / spacing_mm**2
        top = ndimage.maximum_filter(answer, size=3)
        index = np.argwhere((answer == top) & inside & (answer > 20))
        values = answer[tuple(index.T)]
        best = np.argsort(-values)[:400]
        filled = np.zeros((len(best), len(SCALES_MM)))
        filled[:, column] = values[best]
        places.append(index[best])
        answers.append(filled)
    native = (np.concatenate(places) + 0.5) / zoom - 0.5 + [b.start for b in box]
    return grid.index_to_world(native), np.concatenate(answers)


def suppress(world: NDArray[np.float64], answers: NDArray[np.float64], weights: Sequence[float]) -> list[Candidate]:
    """The best of each neighbourhood first; a candidate silences all within its scale's radius, at least 4 mm."""
    scale = np.argmax(answers, axis=1)
    scores = answers.max(axis=1) * np.array(weights)[scale]
    order = np.argsort(-scores)
    alive = np.ones(len(order), bool)
    tree = cKDTree(world)
    kept = []
    for n in order:
        if not alive[n]:
            continue
        radius = max(4.0, np.sqrt(3) * SCALES_MM[scale[n]])
        alive[tree.query_ball_point(world[n], radius)] = False
        kept.append(Candidate(tuple(world[n]), float(scores[n]), float(2 * np.sqrt(3) * SCALES_MM[scale[n]])))
        if len(kept) == 150:
            break
    return kept


def sensitivities(found: Sequence[Sequence[Candidate]], cases: Sequence[Case]) -> NDArray[np.float64]:
    """Sensitivity at RATES false positives per scan; excluded findings without a diameter are balls of 10 mm."""
    excluded = {
        case.case_id: [x if x.diameter_mm > 0 else replace(x, diameter_mm=10.0) for x in case.excluded]
        for case in cases
    }
    curve = froc(
        detections(
            {case.case_id: marks for case, marks in zip(cases, found, strict=True)},
            {case.case_id: list(case.truth or ()) for case in cases},
            excluded,
        )
    )
    return sensitivity_at(curve, RATES)


def tuned_weights(answers: Sequence[Answers], cases: Sequence[Case], rounds: int = 2) -> list[float]:
    """Weights per scale that make the CPM of these cases largest, one after the other."""
    weights = [1.0] * len(SCALES_MM)
    best = -1.0
    for _ in range(rounds):
        for column in range(len(weights)):
            for value in (0.0, 0.3, 0.5, 0.7, 0.85, 1.0, 1.2, 1.5, 2.0):
                tried = [*weights[:column], value, *weights[column + 1 :]]
                cpm = sensitivities([suppress(*a, tried) for a in answers], cases).mean()
                if cpm > best:
                    best, weights = cpm, tried
    return weights


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--test", type=int, default=40, help="number of test phantoms")
    parser.add_argument("--tune", type=int, default=8, help="number of tuning phantoms")
    options = parser.parse_args()
    start = time.perf_counter()
    tune, tune_answers = _answered(TUNE_SEED, options.tune)
    weights = tuned_weights(tune_answers, tune)
    test, test_answers = _answered(TEST_SEED, options.test)
    curve = sensitivities([suppress(*a, weights) for a in test_answers], test)
    print(f"weights per scale {weights}")
    print(f"{len(test)} scans, {sum(len(c.truth or ()) for c in test)} nodules, {time.perf_counter() - start:.0f} s")
    for rate, value in zip(RATES, curve, strict=True):
        print(f"{rate:6.3f} false positives per scan: sensitivity {value:.3f}")
    print(f"CPM {curve.mean():.3f}")


def _answered(first_seed: int, count: int) -> tuple[list[Case], list[Answers]]:
    """Cases without their voxels (they would not fit in memory) and their blob answers."""
    cases, answers = [], []
    for seed in range(first_seed, first_seed + count):
        case = make_ct(seed, CtPhantomSettings())
        answers.append(blob_answers(case))
        cases.append(replace(case, image=NO_SAMPLES, regions={}))
    return cases, answers


if __name__ == "__main__":
    main()
