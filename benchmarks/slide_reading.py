"""256-pixel patches inside tissue: our reader against OpenSlide, in the same run, both with 1 and 2 threads.

    python benchmarks/slide_reading.py --slide ../shared/data/slide/CMU-1-Small-Region.svs

Beside the given slides it writes a JPEG pyramid of its own, tiled from real or drawn tissue, so that the figure does
not hang on one small file. Both readers get the same patches in the order of the file and give RGB arrays; both open
the slide anew for each round. Rounds alternate, and the best of each reader counts, because other work may share the
machine; the ratio of processor time is printed too, which that work disturbs less. OpenSlide has one handle for all
threads, as its documentation recommends.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import openslide

from lesionkit.core.grid import Box
from lesionkit.prepare.tissue import find_tissue
from lesionkit.read.slide.handles import HANDLES
from lesionkit.read.slide.stream import in_file_order, stream
from lesionkit.read.slide.whole import Slide, open_slide
from lesionkit.write.pyramid import PyramidWriter

PATCH = 256
TILE = 256


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slide", type=Path, action="append", default=[], help="a tiled TIFF or SVS; may be repeated")
    parser.add_argument("--side", type=int, default=8192, help="pixels of the pyramid that is written")
    parser.add_argument("--patches", type=int, default=600, help="at most so many per slide")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        pyramid = write_slide(Path(folder) / "pyramid.tif", arguments.side, arguments.slide)
        for path in (*arguments.slide, pyramid):
            compare(path, arguments.patches, arguments.rounds)


def compare(path: Path, limit: int, rounds: int) -> None:
    slide = open_slide(path)
    boxes = patches_in_tissue(slide, limit)
    print(f"{path.name}: {len(boxes)} patches of {PATCH} px inside tissue, tiles of {slide.levels[0].tile_shape}")
    arms: dict[tuple[str, int], Callable[[], int]] = {}
    for threads in (1, 2):
        arms["lesionkit", threads] = lambda threads=threads: by_lesionkit(path, boxes, threads)
        arms["OpenSlide", threads] = lambda threads=threads: by_openslide(path, boxes, threads)
    wall = dict.fromkeys(arms, np.inf)
    cpu = dict.fromkeys(arms, np.inf)
    checks = set()
    for _ in range(rounds):
        for arm, read in arms.items():
            start, start_cpu = time.perf_counter(), time.process_time()
            checks.add(read())
            wall[arm] = min(wall[arm], time.perf_counter() - start)
            cpu[arm] = min(cpu[arm], time.process_time() - start_cpu)
    for arm in arms:
        print(f"  {arm[0]:9} {arm[1]} thread(s): {len(boxes) / wall[arm]:7.0f} patches/s, {cpu[arm]:.2f} s processor")
    for threads in (1, 2):
        ours, theirs = ("lesionkit", threads), ("OpenSlide", threads)
        print(f"  {threads} thread(s): {wall[theirs] / wall[ours]:.1f} x as fast, "
              f"{cpu[theirs] / cpu[ours]:.1f} x less processor time")  # fmt: skip
    print(f"  sums of every eighth pixel agree: {len(checks) == 1}")


def patches_in_tissue(slide: Slide, limit: int) -> list[Box]:
    """Patches of a grid whose middle lies in tissue, in the order of the file."""
    mask = find_tissue(slide.overview(min_spacing_um=8)).mask
    rows, columns = slide.grid.shape
    boxes = []
    for top in range(0, rows - PATCH + 1, PATCH):
        for left in range(0, columns - PATCH + 1, PATCH):
            place = slide.grid.index_to_world([top + PATCH / 2, left + PATCH / 2])
            index = np.clip(np.rint(mask.grid.world_to_index(place)).astype(int), 0, np.array(mask.grid.shape) - 1)
            if mask.array[tuple(index)]:
                boxes.append((slice(top, top + PATCH), slice(left, left + PATCH)))
    return in_file_order(slide.levels[0], boxes)[:limit]


def by_lesionkit(path: Path, boxes: list[Box], threads: int) -> int:
    slide = open_slide(path)
    source = slide.levels[0].source
    HANDLES.drop((type(source), source.path, source.stamp))
    return sum(int(patch[::8, ::8].sum()) for _, patch in stream(slide, boxes, threads=0 if threads == 1 else threads))


def by_openslide(path: Path, boxes: list[Box], threads: int) -> int:
    with openslide.OpenSlide(path) as slide, ThreadPoolExecutor(threads) as pool:

        def read(box: Box) -> np.ndarray:
            rows, columns = box
            return np.asarray(slide.read_region((columns.start, rows.start), 0, (PATCH, PATCH)).convert("RGB"))

        return sum(
            int(patch[::8, ::8].sum()) for patch in (map(read, boxes) if threads == 1 else pool.map(read, boxes))
        )


def write_slide(path: Path, side: int, slides: list[Path]) -> Path:
    """A pyramid of tiles cut from the first slide's tissue, or drawn where none is given."""
    rng = np.random.default_rng(0)
    if slides:
        source = open_slide(slides[0])
        picks = [source.read(box) for box in patches_in_tissue(source, 60)]
    else:
        low = rng.integers(90, 220, (20, 64, 64, 3))
        picks = [np.kron(one, np.ones((4, 4, 1))).astype(np.uint8) for one in low]
    with PyramidWriter(path, (side, side), 0.5) as pyramid:
        for row, column in np.ndindex(side // TILE, side // TILE):
            pyramid.write(row, column, picks[rng.integers(len(picks))])
    return path


if __name__ == "__main__":
    main()
