"""A net on all tissue of a slide: streamed windows, a map of probabilities, memory that stays as the slide grows."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn.functional import avg_pool2d

from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import Image
from lesionkit.infer.dense_settings import DenseSettings
from lesionkit.infer.probability_map import ProbabilityMap, tissue_at
from lesionkit.infer.slide_windows import Window, WindowSides, windows_of
from lesionkit.nets.features import FeatureTap
from lesionkit.nets.patch_net import PatchNet, for_inference
from lesionkit.nets.precision import pick_precision
from lesionkit.nets.weights import pick_device

Stream: TypeAlias = Callable[[Image, Sequence[Box]], Iterator[tuple[Box, NDArray[Any]]]]
"""Reads boxes in the order given, ahead of who asks; `lesionkit.read.slide.stream.stream`, handed in by the recipe."""

FEATURE_PX = 96
"""Side of the blocks of tissue whose features are told: of the patches that nets learn from."""

Progress: TypeAlias = Callable[[int, int], None]
"""Told how many windows are done, and of how many."""


def dense_windows(grid: Grid, tissue: Image | None, net: PatchNet, settings: DenseSettings) -> list[Window]:
    """Windows of a slide with the surroundings a net needs, in raster order.

    Args:
        grid: of the image at the spacing the net learned on.
        tissue: a 2-D boolean image of any spacing on the same slide; None for everything.
    """
    halo = net.context if settings.halo is None else settings.halo
    return windows_of(grid, tissue, WindowSides(settings.tile, halo, net.multiple, cell_of(net, settings)))


def cell_of(net: PatchNet, settings: DenseSettings) -> int:
    """Pixels per cell of the map: the net's stride, or the least multiple of it that is allowed."""
    return math.ceil(settings.least_stride / net.stride) * net.stride


def infer_dense(
    net: PatchNet,
    image: Image,
    tissue: Image | None,
    settings: DenseSettings,
    stream: Stream,
    progress: Progress | None = None,
) -> ProbabilityMap:
    """Probabilities of tumour on all tissue of a slide.

    The same as patch by patch with as much surroundings, but no pixel is computed more often than its window's halo
    makes it. What lies beyond the slide is white.

    Args:
        image: uint8 RGB at the spacing the net learned on.
        tissue: a 2-D boolean image of any spacing on the same slide; None for everything.
        stream: reads the next windows while this one is computed.
    """
    started, cell = time.perf_counter(), cell_of(net, settings)
    windows = dense_windows(image.grid, tissue, net, settings)
    run = NetRunner(net, settings.precision, settings.device, cell)
    found = ProbabilityMap.empty(image.grid, cell)
    waited, asked = 0.0, time.perf_counter()
    for number, (window, (_, block)) in enumerate(
        zip(windows, stream(image, [window.read for window in windows]), strict=True)
    ):
        waited += time.perf_counter() - asked
        held = _write(found, window, run(window.padded(block)[None])[0], tissue, cell)
        _keep_features(run.tap, window, held, cell)
        if progress is not None:
            progress(number + 1, len(windows))
        asked = time.perf_counter()
    net_px = sum(math.prod(window.shape) for window in windows)
    found.facts.update(windows=len(windows), net_px=net_px, waited_s=waited, seconds=time.perf_counter() - started)
    return replace(found, features=run.tap.blocks())


def dense_features(
    net: PatchNet, image: Image, tissue: Image | None, settings: DenseSettings, most: int = 4
) -> NDArray[np.float32]:
    """What a net sees of blocks of tissue (k, c), as `infer_dense` tells it, in some windows evenly spaced."""
    windows, cell = dense_windows(image.grid, tissue, net, settings), cell_of(net, settings)
    run = NetRunner(net, settings.precision, settings.device, cell)
    found = ProbabilityMap.empty(image.grid, cell)
    for window in windows[:: math.ceil(len(windows) / most) or 1]:
        held = _write(found, window, run(window.padded(np.asarray(image.read(window.read)))[None])[0], tissue, cell)
        _keep_features(run.tap, window, held, cell)
    return run.tap.blocks()


def patch_features(net: PatchNet, patches: NDArray[np.uint8], settings: DenseSettings) -> NDArray[np.float32]:
    """What a net sees of patches (n, rows, columns, 3) of tissue: (n, c)."""
    run = NetRunner(net, settings.precision, settings.device)
    trimmed = tuple(side // net.multiple * net.multiple for side in patches.shape[1:3])
    for first in range(0, len(patches), 64):
        run(patches[first : first + 64, : trimmed[0], : trimmed[1]])
        run.tap.keep()
    return run.tap.blocks()


class NetRunner:
    """A net ready to run on colours.

    Args:
        precision: bf16, fp32, or auto for what this machine computes fastest in.
        device: auto, cpu, cuda or mps.
        cell: pixels per output and axis; a multiple of the net's stride, None for that itself.
    """

    def __init__(
        self, net: PatchNet, precision: Literal["auto", "bf16", "fp32"], device: str, cell: int | None = None
    ) -> None:
        self.device = pick_device(device)
        kind = torch.bfloat16 if pick_precision(precision, self.device) == "bf16" else torch.float32
        self.net = for_inference(net, self.device, kind)
        self.tap = FeatureTap(self.net)
        self.pooled = 1 if cell is None else cell // net.stride

    @torch.inference_mode()
    def __call__(self, rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (b, y/cell, x/cell) of uint8 colours (b, y, x, 3)."""
        # Levels that are averaged come read-only, of which PyTorch warns.
        colours = torch.from_numpy(np.require(rgb, requirements=("C", "W"))).to(self.device)
        # In memory, channels stay last, as the net wants them.
        logits = self.net(colours.permute(0, 3, 1, 2).float().div_(255))
        probability = logits.float().sigmoid()
        if self.pooled > 1:
            probability = avg_pool2d(probability, self.pooled)
        result: NDArray[np.float32] = probability[:, 0].cpu().numpy()
        return result


def _write(
    found: ProbabilityMap, window: Window, probability: NDArray[np.float32], tissue: Image | None, cell: int
) -> NDArray[np.bool_]:
    """Put the core of a window's probabilities where it belongs, tissue only; which cells of the core are tissue."""
    into = tuple(
        slice(b.start // cell, min(b.stop // cell, n)) for b, n in zip(window.core, found.grid.shape, strict=True)
    )
    halo = [(b.start - s) // cell for b, s in zip(window.core, window.start, strict=True)]
    core = probability[tuple(slice(h, h + b.stop - b.start) for h, b in zip(halo, into, strict=True))]
    held = tissue_at(found.grid, into, tissue)
    found.put(into, core, held)
    return held


def _keep_features(tap: FeatureTap, window: Window, held: NDArray[np.bool_], cell: int) -> None:
    """Keep what a net saw in the tissue that a window is responsible for.

    Args:
        held: which cells of the core are tissue; cells beyond the slide are left out.
    """
    cells, inside = [], []
    for core, start, size, places, count in zip(
        window.core, window.start, window.shape, tap.shape, held.shape, strict=False
    ):
        centre = start + (np.arange(places) * 2 + 1) * size // (2 * places)
        number = (centre - core.start) // cell
        inside.append((number >= 0) & (number < count))
        cells.append(number.clip(0, max(count - 1, 0)))
    if len(cells) == held.ndim and held.size:
        side = max(1, round(FEATURE_PX * tap.shape[0] / window.shape[0]))
        tap.keep(held[np.ix_(*cells)] & inside[0][:, None] & inside[1], side)
