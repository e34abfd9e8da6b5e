"""Phantom slides in memory for `slide_ablation.py`: pixels at 1 µm, tissue, patches, and one window per test slide."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import read_padded
from lesionkit.infer.probability_map import cells_of, tissue_at
from lesionkit.read.slide.set import SlideEntry, read_slide_set
from lesionkit.recipes.slide.case import PreparedSlide, analysed, open_case, prepare_slide, read_prepared
from lesionkit.recipes.slide.patches import annotations_of
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.sample.slide_grid import Annotated

CELL = 8
SIDE = 960
"""Of a window in µm, which is pixels; 120 cells of the map."""
HALO = 64
"""Around it; the shipped kind of net sees 56 px."""
AWAY = 300
"""How far the chosen place may be from the middle of its window."""


@dataclass(frozen=True, eq=False)
class Pixels:
    """An image in memory, or in a file that is mapped into it."""

    grid: Grid
    array: NDArray[np.uint8]

    def read(self, box: Box) -> NDArray[np.uint8]:
        return np.asarray(self.array[box])


@dataclass(frozen=True, eq=False)
class HeldSlide:
    name: str
    centre: str
    prepared: PreparedSlide
    pixels: Pixels
    annotated: Annotated | None

    @property
    def has_tumour(self) -> bool:
        return self.prepared.has_tumour


@dataclass(frozen=True, eq=False)
class Windows:
    """One window of each slide: pixels with their surroundings, cells that are tissue, cells that are tumour."""

    names: list[str]
    centres: NDArray[np.str_]
    pixels: NDArray[np.uint8]
    tissue: NDArray[np.bool_]
    tumour: NDArray[np.bool_]

    @property
    def positive(self) -> NDArray[np.bool_]:
        return self.tumour.any(axis=(1, 2))


def centres_of(data: Path) -> dict[str, str]:
    rows = [line.split(",") for line in (data / "labels.csv").read_text().split()]
    place = rows[0].index("centre")
    return {row[0]: row[place] for row in rows[1:]}


def prepared_of(entry: SlideEntry, work: Path, settings: SlideMetastasis) -> PreparedSlide:
    folder = work / "prepared" / entry.path.parent.parent.name / entry.slide_id
    prepare_slide(entry, settings, folder)
    return read_prepared(entry, folder)


def hold(data: Path, work: Path, settings: SlideMetastasis) -> dict[str, HeldSlide]:
    """All slides of a data set; their pixels are kept as files in `work`."""
    centres, held = centres_of(data), {}
    (work / "pixels").mkdir(parents=True, exist_ok=True)
    for entry in read_slide_set(data):
        prepared = prepared_of(entry, work, settings)
        image = analysed(open_case(entry.path, settings), settings)
        file = work / "pixels" / f"{entry.slide_id}.npy"
        if not file.is_file():
            np.save(file, image.read(image.grid.whole))
        annotated = annotations_of({entry.slide_id: prepared}, settings)[entry.slide_id]
        pixels = Pixels(image.grid, np.load(file, mmap_mode="r"))
        held[entry.slide_id] = HeldSlide(entry.slide_id, centres[entry.slide_id], prepared, pixels, annotated)
    return held


def windows(data: Path, names: list[str] | None, work: Path, settings: SlideMetastasis) -> Windows:
    """A window of each slide: around a random place of its tumour, or of its tissue where it has none."""
    file = work / f"windows-{data.name}.npz"
    if not file.is_file():
        entries = [e for e in read_slide_set(data) if names is None or e.slide_id in names]
        parts = [_window(entry, number, work, settings) for number, entry in enumerate(entries)]
        pixels, tissue, tumour = (np.stack(part) for part in zip(*parts, strict=True))
        centres = centres_of(data)
        np.savez(
            file,
            names=[e.slide_id for e in entries],
            centres=[centres[e.slide_id] for e in entries],
            pixels=pixels,
            tissue=tissue,
            tumour=tumour,
        )
    found = np.load(file)
    return Windows(found["names"].tolist(), *(found[name] for name in ("centres", "pixels", "tissue", "tumour")))


def _window(entry: SlideEntry, number: int, work: Path, settings: SlideMetastasis):
    prepared = prepared_of(entry, work, settings)
    image = analysed(open_case(entry.path, settings), settings)
    cells = cells_of(image.grid, CELL)
    tissue = tissue_at(cells, tuple(slice(0, n) for n in cells.shape), prepared.tissue)
    tumour = np.zeros(cells.shape, dtype=bool)
    annotated = annotations_of({entry.slide_id: prepared}, settings)[entry.slide_id]
    if annotated is not None:
        (top, left), mask = annotated.mask.corner, annotated.mask.mask
        part = mask[: max(cells.shape[0] - top, 0), : max(cells.shape[1] - left, 0)]
        tumour[top : top + part.shape[0], left : left + part.shape[1]] = part
    rng, side = np.random.default_rng([11, number]), SIDE // CELL
    places = np.argwhere(tumour if tumour.any() else tissue)
    middle = places[rng.integers(len(places))] + rng.integers(-AWAY // CELL, AWAY // CELL + 1, 2)
    start = [int(np.clip(m - side // 2, 0, n - side)) for m, n in zip(middle, cells.shape, strict=True)]
    box = tuple(slice(s, s + side) for s in start)
    pixels = read_padded(image, [s * CELL - HALO for s in start], [SIDE + 2 * HALO] * 2, 255)
    return pixels, tissue[box], tumour[box]
