"""A chest that can be checked by eye: two boxes of lung in a block of tissue, with balls wherever a test wants them."""

from collections.abc import Callable, Sequence
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.report.found import FoundCase

TISSUE_HU, LUNG_HU, BALL_HU = 40, -850, 100
GRID = Grid.upright((40, 80, 120), spacing_mm=(2.5, 1.0, 1.0), origin_mm=(-60.0, -40.0, -50.0))


class Page(HTMLParser):
    """Tags with their attributes, and the text, of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html = html
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.rows: list[list[str]] = []
        self._in_cell = False
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")
            self._in_cell = True

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th"):
            self._in_cell = False

    def handle_data(self, data: str) -> None:
        self.text.append(data)
        if self._in_cell:
            self.rows[-1][-1] += data

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())


@pytest.fixture
def open_page() -> Callable[[Path], Page]:
    return lambda path: Page(path.read_text(encoding="utf-8"))


def chest_array(balls: Sequence[tuple[tuple[float, float, float], float]], grid: Grid = GRID) -> np.ndarray:
    z, y, x = np.indices(grid.shape)
    world = grid.index_to_world(np.stack([z, y, x], axis=-1))
    hu = np.full(grid.shape, TISSUE_HU, dtype=np.int16)
    hu[lung_array(grid)] = LUNG_HU
    for centre_mm, diameter_mm in balls:
        hu[((world - centre_mm) ** 2).sum(axis=-1) <= (diameter_mm / 2) ** 2] = BALL_HU
    return hu


def lung_array(grid: Grid = GRID) -> np.ndarray:
    """Right lung x -50 … -10 mm, left lung 10 … 50 mm, y -30 … 30 mm, z -40 … 40 mm."""
    world = grid.index_to_world(np.stack(np.indices(grid.shape), axis=-1))
    x, y, z = np.moveaxis(world, -1, 0)
    return (np.abs(np.abs(x) - 30) <= 20) & (np.abs(y) <= 30) & (np.abs(z) <= 40)


@pytest.fixture
def chest() -> Callable[..., FoundCase]:
    """A case: `chest((centre_mm, diameter_mm), …, candidates=…, truth=…)`."""

    def build(*balls: tuple[tuple[float, float, float], float], **rest: object) -> FoundCase:
        image, lung = ArrayImage(GRID, chest_array(balls)), ArrayImage(GRID, lung_array())
        return FoundCase(**{"case_id": "scan-1", "image": image, "lung": lung} | rest)  # type: ignore[arg-type]

    return build


@pytest.fixture
def two_candidates() -> tuple[Candidate, ...]:
    return (Candidate((30.5, 5.0, 10.0), 0.91, 12.0), Candidate((-28.0, -7.5, -20.0), 0.4321, None))
