"""A net on whole slides: against patch by patch, its memory, and its time from file to map.

    python benchmarks/slide_dense.py --slide PHANTOM/slides/slide-00000.tif [--model MODEL] --work FOLDER [--part all]

ratio: dense inference against one 256-pixel patch per output, both in full batches and at bf16; a sample of the patches
is timed and scaled. memory: a virtual slide of 100,000 × 100,000 pixels that is drawn as it is read, in a process of
its own, whose largest memory is what counts. time: a JPEG pyramid with 250 million pixels of tissue at 0.5 µm per
pixel, tiled once from the slide's tissue, from opening it to its map at 1 µm; marks and reports are left out. Without
a model the shipped architecture has random weights, which costs the same.
"""

import argparse
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import ArrayImage
from lesionkit.infer.dense import NetRunner, infer_dense
from lesionkit.infer.dense_settings import DenseSettings
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings
from lesionkit.nets.weights import load_net
from lesionkit.prepare.tissue import find_tissue
from lesionkit.read.slide.stream import stream
from lesionkit.read.slide.whole import open_slide
from lesionkit.write.pyramid import PyramidWriter

PATCH, TILE = 256, 256
TISSUE_TILES, GLASS_TILES = 62, 4
PARTS = ("ratio", "memory", "time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--slide", type=Path, required=True, help="a slide of 0.5 µm per pixel whose tissue is used")
    parser.add_argument("--model", type=Path, help="a model file")
    parser.add_argument("--encoder", default="narrow", help="without a model: which architecture")
    parser.add_argument("--work", type=Path, required=True, help="where the large slide is kept, about 150 MB")
    parser.add_argument("--part", choices=(*PARTS, "all"), default="all")
    parser.add_argument("--share", type=float, default=0.01, help="of the virtual slide that is tissue")
    parser.add_argument("--tile", type=int, default=DenseSettings().tile)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.part == "all":
        for part in PARTS:
            subprocess.run([sys.executable, *sys.argv, "--part", part], check=True)
        return
    torch.set_num_threads(arguments.threads)
    net = make_net(arguments.model, arguments.encoder)
    settings = DenseSettings(tile=arguments.tile, device="cpu")
    if arguments.part == "ratio":
        ratio(net, tissue_tiles(arguments.slide, 64), settings)
    elif arguments.part == "memory":
        memory(net, tissue_tiles(arguments.slide, 16), settings, arguments.share)
    else:
        end_to_end(net, large_slide(arguments.work / "large.tif", arguments.slide), settings)


def make_net(model: Path | None, encoder: str) -> PatchNet:
    torch.manual_seed(0)
    if model is not None:
        return load_net(model, PatchNet)[0]
    return PatchNet(PatchNetSettings(encoder=encoder, pretrained=False)).eval()


def ratio(net: PatchNet, tiles: NDArray[np.uint8], settings: DenseSettings, rounds: int = 3) -> None:
    """Outputs per second, best of rounds that alternate."""
    patches = tiles[:64]
    image = ArrayImage(_grid(2048, 1.0), mosaic(tiles))
    run, outputs = NetRunner(net, settings.precision, settings.device), (2048 // net.stride) ** 2
    best = dict.fromkeys(("dense", "patch-wise"), (0.0, 0.0))
    for _ in range(rounds):
        for name, count, work in (
            ("dense", outputs, lambda: infer_dense(net, image, None, settings, stream)),
            ("patch-wise", len(patches), lambda: run(patches)),
        ):
            clock = Clock()
            work()
            wall, processor = clock.read()
            best[name] = (max(best[name][0], count / wall), max(best[name][1], count / processor))
    for name, (wall, processor) in best.items():
        print(f"{name:10}: {wall:9.1f} outputs/s, {processor:9.1f} per second of processor time")
    dense, patch = best["dense"], best["patch-wise"]
    print(f"dense is {dense[0] / patch[0]:.0f} x as fast, {dense[1] / patch[1]:.0f} x by processor time", flush=True)


def memory(net: PatchNet, tiles: NDArray[np.uint8], settings: DenseSettings, share: float) -> None:
    image = VirtualSlide(_grid(100_000, 1.0), mosaic(tiles))
    # Pieces of tissue all over the slide, so that all rows of the map are touched.
    mask = np.zeros((1000, 1000), dtype=bool)
    side = round(100 * share**0.5)
    for top, left in np.ndindex(10, 10):
        mask[100 * top : 100 * top + side, 100 * left : 100 * left + side] = True
    tissue = ArrayImage(_grid(1000, 100.0), mask)
    clock = Clock()
    found = infer_dense(net, image, tissue, settings, stream)
    wall, processor = clock.read()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"memory: {image.grid.shape[0]} x {image.grid.shape[1]} px, {mask.mean():.1%} tissue, map {found.array.shape}, "
        f"{found.facts['windows']:.0f} windows, {wall:.0f} s ({processor:.0f} s processor): peak {peak:.2f} GB",
        flush=True,
    )


def end_to_end(net: PatchNet, path: Path, settings: DenseSettings) -> None:
    load, clock = os.getloadavg()[0], Clock()
    slide = open_slide(path)
    tissue = find_tissue(slide.overview(min_spacing_um=8))
    tissue_s = clock.read()[0]
    found = infer_dense(net, slide.at_spacing(1.0), tissue.mask, settings, stream)
    wall, processor = clock.read()
    tissue_mpx, computed_mpx = tissue.areas_mm2["tissue"] / 0.25, found.computed.sum() * net.stride**2 / 1e6
    print(
        f"time: {tissue_mpx:.0f} Mpx of tissue at 0.5 µm, {computed_mpx:.0f} Mpx at 1 µm, "
        f"{found.facts['net_px'] / 1e6:.0f} Mpx seen by the net: {wall:.1f} s, {processor:.1f} s of processor time "
        f"(tissue {tissue_s:.1f} s, waiting for pixels {found.facts['waited_s']:.1f} s; load before {load:.1f})",
        flush=True,
    )


@dataclass(frozen=True, eq=False)
class VirtualSlide:
    """An image that repeats a block for ever; nothing of it is kept."""

    grid: Grid
    block: NDArray[np.uint8]

    def read(self, box: Box) -> NDArray[np.uint8]:
        rows, columns = (np.arange(b.start, b.stop) % n for b, n in zip(box, self.block.shape[:2], strict=True))
        return self.block[np.ix_(rows, columns)]


class Clock:
    def __init__(self) -> None:
        self.start = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Seconds by the wall and of the processor."""
        return time.perf_counter() - self.start[0], time.process_time() - self.start[1]


def tissue_tiles(path: Path, count: int) -> NDArray[np.uint8]:
    """Tiles (count, 256, 256, 3) of a slide that are all tissue, repeated if it has fewer."""
    slide = open_slide(path)
    mask = find_tissue(slide.overview(min_spacing_um=8)).mask
    ratio = mask.grid.spacing_mm[0] / slide.grid.spacing_mm[0]
    found = []
    for top, left in np.ndindex(slide.grid.shape[0] // TILE, slide.grid.shape[1] // TILE):
        low = [int(place * TILE / ratio) for place in (top, left)]
        high = [int((place + 1) * TILE / ratio) + 1 for place in (top, left)]
        if mask.array[low[0] : high[0], low[1] : high[1]].all():
            found.append((slice(top * TILE, (top + 1) * TILE), slice(left * TILE, (left + 1) * TILE)))
    chosen = np.random.default_rng(0).permutation(len(found))[np.arange(count) % len(found)]
    return np.stack([slide.read(found[number]) for number in chosen.tolist()])


def mosaic(tiles: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A square of a square number of tiles."""
    side = round(len(tiles) ** 0.5)
    return np.concatenate([np.concatenate(list(row), axis=1) for row in tiles.reshape(side, side, *tiles.shape[1:])])


def large_slide(path: Path, source: Path) -> Path:
    """A square of 252 million pixels of tissue with glass around it; written once."""
    if not path.exists():
        tiles, side = tissue_tiles(source, 600), TISSUE_TILES + 2 * GLASS_TILES
        rng, glass = np.random.default_rng(0), np.full((TILE, TILE, 3), 243, np.uint8)
        with PyramidWriter(path, (side * TILE, side * TILE), 0.5) as pyramid:
            for row, column in np.ndindex(side, side):
                inside = all(GLASS_TILES <= place < side - GLASS_TILES for place in (row, column))
                pyramid.write(row, column, tiles[rng.integers(len(tiles))] if inside else glass)
    return path


def _grid(side: int, um: float) -> Grid:
    return Grid.upright((side, side), (um / 1000, um / 1000), (um / 2000, um / 2000))


if __name__ == "__main__":
    main()
