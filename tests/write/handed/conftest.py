"""Findings to hand over: scans, radiographs and slides of a few samples."""

from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from tests.read.slide.dicom_levels import write_dicom_levels

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.handed import Balls, Maker, Mask, Outlines
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.core.region import Region
from lesionkit.core.slide_place import polygon_world
from lesionkit.core.trace import trace
from lesionkit.read.picture import planes_of_picture, read_picture
from lesionkit.read.scan import open_scan, planes_of_scan
from lesionkit.read.slide.dicom import planes_of_slide
from lesionkit.write.dicom import write_series
from lesionkit.write.radiograph import write_radiograph

MAKER = Maker("ct-nodule", "1.2.3", "net.safetensors", "ab" * 32, "cd" * 32, datetime(2026, 1, 2, 3, 4, 5))


def scan(folder: Path, grid: Grid) -> Path:
    """A series of small numbers."""
    hu = np.arange(np.prod(grid.shape)).reshape(grid.shape) % 1000
    return write_series(Case("1.2.840.99", "patient", ArrayImage(grid, hu.astype(np.int16))), folder)


def balls(folder: Path, *found: Candidate) -> Balls:
    """Balls in a scan on disk."""
    return Balls(
        case_id="1.2.840.99",
        patient_id="patient",
        path=folder,
        lesion="nodule",
        maker=MAKER,
        case=partial(open_scan, folder),
        planes=partial(planes_of_scan, folder),
        grid=Grid.upright((10, 24, 20), (2.5, 0.7, 0.8)),
        balls=found,
    )


@pytest.fixture(scope="session")
def upright(tmp_path_factory) -> Path:
    """A series of 10 slices of 24 × 20 samples, 2.5 × 0.7 × 0.8 mm, that begins at the origin of the world."""
    return scan(tmp_path_factory.mktemp("scan") / "s", Grid.upright((10, 24, 20), (2.5, 0.7, 0.8)))


@pytest.fixture
def radiograph(tmp_path) -> Mask:
    """A radiograph of 30 × 20 samples of 0.5 mm with a mask of 3 × 4."""
    grid = Grid.upright((30, 20), (0.5, 0.5))
    picture = np.arange(600).reshape(30, 20).astype(np.uint16)
    path = write_radiograph(Case("x1", "patient", ArrayImage(grid, picture)), tmp_path / "x1.dcm")
    mask = np.zeros((30, 20), bool)
    mask[5:8, 10:14] = True
    return Mask(
        case_id="x1",
        patient_id="patient",
        path=path,
        lesion="pneumothorax",
        maker=MAKER,
        case=partial(read_picture, path),
        planes=partial(planes_of_picture, path),
        score=0.75,
        shape=(30, 20),
        mask=lambda: mask,
        heat=lambda: ArrayImage(grid, mask.astype(np.float32)),
    )


@pytest.fixture
def outlined(tmp_path) -> Outlines:
    """A slide of 64 x 96 pixels of 0.5 µm with a region of 4 x 6 cells of 4 µm and a hole of one."""
    finest = Grid.upright((64, 96), (0.0005, 0.0005), (0.00025, 0.00025))
    cells = Grid.upright((8, 12), (0.004, 0.004), (0.002, 0.002))
    probability = np.zeros((8, 12), np.float32)
    probability[2:6, 3:9] = 0.75
    probability[3, 4] = 0.25
    mask = probability > 0.5
    polygon = polygon_world(trace(mask)[0], cells)
    region = Region(polygon, (0.024, 0.016), 0.75, 0.75, 23 * 16e-6, 0.02)
    path = tmp_path / "slide.svs"
    path.write_bytes(b"pixels")
    return Outlines(
        case_id="slide",
        patient_id="patient",
        path=path,
        lesion="metastasis",
        maker=MAKER,
        case=lambda: None,
        planes=tuple,
        grid=finest,
        regions=lambda: [region],
        heat=lambda: ArrayImage(cells, probability),
    )


@pytest.fixture
def on_dicom(outlined, tmp_path) -> Outlines:
    """The same region on a DICOM slide of 200 x 256 pixels of 0.5 µm, with levels of 1 and 4 µm."""
    path = write_dicom_levels(tmp_path / "levels", np.full((200, 256, 3), 200, np.uint8), (1, 2, 8))
    grid = Grid.upright((200, 256), (0.0005, 0.0005), (0.00025, 0.00025))
    return replace(outlined, path=path, grid=grid, planes=partial(planes_of_slide, path))
