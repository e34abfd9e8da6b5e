"""Processor seconds from a probability map to its marks, outlines and features.

    python benchmarks/slide_marks.py [--side 1250] [--large 6250]

noisy: smooth noise of thousands of small pieces. saturated: most cells are exactly 1 and nearly all are one piece.
"""

import argparse
import time

import numpy as np
from scipy import ndimage

from lesionkit.core.grid import Grid
from lesionkit.infer.marks import peaks, regions
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.infer.slide_score import slide_features

CELL_MM = 0.008


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=1250, help="cells along a side of the noisy map")
    parser.add_argument("--large", type=int, default=6250, help="cells along a side of the saturated map")
    options = parser.parse_args()
    report("noisy", make_map(options.side, smooth=2.3, middle=-3.6, spread=4))
    report("saturated", make_map(options.large, smooth=6, middle=18, spread=8))


def make_map(side: int, smooth: float, middle: float, spread: float) -> ProbabilityMap:
    noise = np.random.default_rng(0).standard_normal((side, side), dtype=np.float32)
    noise = ndimage.gaussian_filter(noise, smooth)
    array = (1 / (1 + np.exp(-(middle + spread * noise / noise.std())))).astype(np.float32)
    grid = Grid.upright(array.shape, (CELL_MM, CELL_MM), (CELL_MM / 2, CELL_MM / 2))
    return ProbabilityMap(grid, array, np.ones(array.shape, dtype=bool))


def report(name: str, found: ProbabilityMap) -> None:
    pieces = ndimage.label(found.array > 0.5)[1]
    print(f"{name}: {found.grid.shape[0]} x {found.grid.shape[1]} cells, {pieces} pieces", flush=True)
    total = 0.0
    for work in (peaks, regions, slide_features):
        start = time.process_time()
        count = len(work(found))
        seconds = time.process_time() - start
        total += seconds
        print(f"  {work.__name__:14} {count:5} {seconds:6.2f} s", flush=True)
    print(f"  {'together':14}       {total:6.2f} s", flush=True)


if __name__ == "__main__":
    main()
