from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.read.dicom.folder import list_series
from lesionkit.read.scan import open_scan
from lesionkit.read.seen import orientation_of, see_picture, see_series, see_slide, see_volume
from lesionkit.write.dicom import write_series
from lesionkit.write.volume import write_volume

HU = np.random.default_rng(0).integers(-1000, -960, (12, 24, 20)).astype(np.int16)
TURNED = Grid((12, 24, 20), (2.5, 0.8, 0.7), (1, 2, 3), ((0, 0, -1), (0, 1, 0), (-1, 0, 0)))


@pytest.mark.parametrize("grid", [Grid.upright((12, 24, 20), (2.5, 0.8, 0.7), (1, 2, 3)), TURNED])
def test_a_header_tells_the_same_place_as_the_whole_scan(grid, tmp_path):
    case = Case("1.2.3", "p", ArrayImage(grid, HU))
    series = list_series(write_series(case, tmp_path / "s"))[0]
    for seen in (see_series(series, tmp_path / "s"), see_volume(write_volume(case.image, tmp_path / "a.mha"))):
        read = open_scan(seen.path).image.grid
        assert seen.failure is None
        assert seen.size == read.shape
        np.testing.assert_allclose(seen.spacing_mm, read.spacing_mm, atol=1e-5)
        assert seen.facts["orientation"] == orientation_of(read)
        np.testing.assert_allclose(seen.facts["origin_mm"], read.origin_mm, atol=1e-3)


@pytest.mark.parametrize(
    ("columns_to", "rows_to", "letters"),
    [((1, 0, 0), (0, 1, 0), "LPS"), ((-1, 0, 0), (0, 1, 0), "RPI"), ((1, 0, 0), (0, 0, -1), "LIP")],
)
def test_letters_say_where_columns_rows_and_slices_grow_to(columns_to, rows_to, letters):
    axes = np.stack([np.cross(columns_to, rows_to), rows_to, columns_to], axis=1)
    assert orientation_of(Grid((2, 2, 2), (1, 1, 1), (0, 0, 0), tuple(map(tuple, axes.tolist())))) == letters


def test_a_turned_grid_says_by_how_much():
    c, s = np.cos(np.radians(30)), np.sin(np.radians(30))
    assert orientation_of(Grid((2, 2, 2), (1, 1, 1), (0, 0, 0), ((0, 0, 1), (-s, c, 0), (c, s, 0)))) == (
        "LPS, turned by 30.0°"
    )


def test_what_cannot_be_read_says_why(tmp_path):
    few = ArrayImage(Grid.upright((5, 24, 20), (1, 1, 1)), HU[:5])
    assert "at least 10 slices" in see_volume(write_volume(few, tmp_path / "few.mha")).failure
    (tmp_path / "a.svs").write_text("hello")
    assert "a.svs" in see_slide(tmp_path / "a.svs").failure
    (tmp_path / "a.png").write_text("hello")
    assert "not a readable picture" in see_picture(tmp_path / "a.png").failure


def test_a_picture_has_a_size_and_no_spacing(tmp_path):
    Image.new("L", (30, 20)).save(tmp_path / "a.png")
    seen = see_picture(Path(tmp_path / "a.png"))
    assert (seen.kind, seen.size, seen.spacing_mm, seen.failure) == ("radiograph", (20, 30), (), None)
