"""A small CT series on disk that tests bend, and the tools to bend it."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.write.dicom import write_series

Change = Callable[[Dataset], None]


@pytest.fixture(scope="session")
def data() -> Path:
    """The shared real data; the test is skipped where there is none."""
    found = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[2] / "../shared/data"))
    if not found.is_dir():
        pytest.skip("the real data (LESIONKIT_DATA) is not on this machine")
    return found


@pytest.fixture
def scan() -> Case:
    """12 slices of 6 x 8 pixels, 2 / 0.5 / 0.5 mm; slice k holds values of 100 * k and more."""
    grid = Grid.upright((12, 6, 8), (2.0, 0.5, 0.5), (-10, 20, -300))
    z, y, x = np.indices(grid.shape)
    hu = (100 * z + 10 * y + x - 1000).astype(np.int16)
    return Case("1.2.3.40", "patient 1", ArrayImage(grid, hu), facts={"kernel": "B50f", "series_description": "Thorax"})


@pytest.fixture
def big() -> ArrayImage:
    """12 x 12 x 12 samples of air with a block of tissue, 2 / 1 / 1 mm."""
    hu = np.full((12, 12, 12), -1000, np.int16)
    hu[4:8, 4:8, 4:8] = 40
    return ArrayImage(Grid.upright(hu.shape, (2, 1, 1), (-100, 50, 7)), hu)


@pytest.fixture
def folder(scan, tmp_path) -> Path:
    """The scan as a DICOM series."""
    return write_series(scan, tmp_path / "series")


@pytest.fixture
def change() -> Callable[..., None]:
    """change(folder, function, files): apply a function to the data set of each file (all without `files`)."""

    def apply(folder: Path, function: Change, files: slice | None = None) -> None:
        for path in sorted(folder.glob("*.dcm"))[files or slice(None)]:
            tags = pydicom.dcmread(path)
            function(tags)
            tags.save_as(path)

    return apply
