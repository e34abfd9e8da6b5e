import base64
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate
from lesionkit.core.outline import Outline, SlideMask
from lesionkit.report.found_slide import FoundSlide
from lesionkit.report.slide_picture import (
    Frame,
    clipped,
    crop_picture,
    heat_layer,
    overview_base,
    pixel_place,
    ramp,
    tissue_line,
    truth_rings,
)

FINEST = Grid.upright((1000, 2000), (0.001, 0.001), (0.0005, 0.0005))
"""2 mm by 1 mm."""
FRAME = Frame(np.zeros(2), np.full(2, 0.01), (200, 100))


class Map:
    def __init__(self, array: np.ndarray, computed: np.ndarray | None = None, cell_mm: float = 0.1) -> None:
        self.array, self.grid = array, Grid.upright(array.shape, (cell_mm, cell_mm), (cell_mm / 2, cell_mm / 2))
        self.computed = np.ones(array.shape, dtype=bool) if computed is None else computed


def slide(array: np.ndarray) -> FoundSlide:
    overview = ArrayImage(FINEST.resampled((0.005, 0.005)), np.full((200, 400, 3), 230, dtype=np.uint8))
    return FoundSlide("slide-1", FINEST, lambda: overview, Map(array), 0.5)


def decoded(uri: str) -> Pillow.Image:
    return Pillow.open(io.BytesIO(base64.b64decode(uri.split(",")[1])))


def test_a_frame_puts_millimetres_onto_pixels() -> None:
    uri, frame = overview_base(slide(np.zeros((10, 20))).overview(), longest=200)
    assert decoded(uri).size == frame.size == (200, 100)
    assert frame.at(np.array([1.0, 0.5])) == pytest.approx([100, 50])


def test_the_heat_map_lies_where_its_cells_are() -> None:
    layer = heat_layer(Map(np.full((5, 10), 0.9)), FRAME)
    assert layer is not None
    assert (layer.x, layer.y, layer.width, layer.height) == pytest.approx((0, 0, 100, 50))


def test_heat_grows_opaque_with_probability_and_is_clear_where_nothing_was_computed() -> None:
    array = np.array([[0.0, 0.3, 0.9, 0.9]])
    layer = heat_layer(Map(array, np.array([[True, True, True, False]])), FRAME)
    assert layer is not None
    alpha = np.asarray(decoded(layer.uri).convert("RGBA"))[0, :, 3]
    assert alpha[0] == alpha[3] == 0
    assert 0 < alpha[1] < alpha[2]


def test_a_single_hot_cell_of_a_fine_map_is_not_averaged_away() -> None:
    array = np.zeros((2000, 1500), dtype=np.float16)
    array[1234, 567] = 1
    layer = heat_layer(Map(array, cell_mm=0.001), FRAME)
    assert layer is not None
    picture = decoded(layer.uri).convert("RGBA")
    assert max(picture.size) <= 800
    assert np.asarray(picture)[..., 3].max() > 200


def test_a_map_without_tissue_has_no_heat() -> None:
    assert heat_layer(Map(np.ones((3, 3)), np.zeros((3, 3), dtype=bool)), FRAME) is None


def test_opacity_never_falls_with_the_probability() -> None:
    colours, alpha = ramp()
    assert colours.shape == (256, 3)
    assert (np.diff(alpha.astype(int)) >= 0).all()
    assert alpha[0] == 0


def test_a_ring_inside_is_left_alone_and_one_outside_vanishes() -> None:
    inside = np.array([[10.0, 10], [50, 10], [50, 40]])
    assert clipped(inside, (200, 100)) is inside
    assert len(clipped(inside + 1000, (200, 100))) == 0


def test_a_ring_is_cut_a_little_beyond_the_edge() -> None:
    ring = clipped(np.array([[100.0, 20], [900, 20], [900, 60], [100, 60]]), (200, 100))
    assert sorted(map(tuple, ring.tolist())) == [(100, 20), (100, 60), (208, 20), (208, 60)]


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000))
def test_cut_rings_stay_near_the_picture(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ring = clipped(rng.uniform(-500, 700, size=(12, 2)), (200, 100))
    assert (ring >= -8 - 1e-6).all()
    assert (ring <= np.array([208, 108]) + 1e-6).all()


def test_the_tissue_is_outlined_where_it_is() -> None:
    mask = np.zeros((100, 200), dtype=bool)
    mask[20:80, 50:150] = True
    line = tissue_line(ArrayImage(Grid.upright((100, 200), (0.01, 0.01), (0.005, 0.005)), mask), FRAME)
    corners = np.array([float(n) for part in line.d.strip("MZ").split("L") for n in part.split()]).reshape(-1, 2)
    assert corners.min(axis=0) == pytest.approx([50, 20], abs=1)
    assert corners.max(axis=0) == pytest.approx([150, 80], abs=1)


def test_known_tumour_is_drawn_at_the_same_place_from_rings_and_from_a_mask() -> None:
    ring = np.array([[160.0, 320], [480, 320], [480, 640], [160, 640]])
    mask = np.zeros((60, 120), dtype=bool)
    mask[20:40, 10:30] = True
    found = slide(np.zeros((10, 20)))
    (from_ring,) = truth_rings(Outline((ring,)), found)
    (from_mask,) = truth_rings(SlideMask(mask, 16), found)
    assert from_ring == pytest.approx(from_mask)
    assert from_ring[0] == pytest.approx([0.16, 0.32])


def test_a_crop_shows_outlines_around_its_mark_and_a_scale_bar() -> None:
    found, mark = slide(np.zeros((10, 20))), Candidate((1.0, 0.5), 0.8)
    ring = np.array([[0.99, 0.49], [1.01, 0.49], [1.01, 0.51], [0.99, 0.51]])
    picture = crop_picture(np.zeros((100, 100, 3), np.uint8), found, mark, [("region", [ring]), ("truth", [ring + 5])])
    assert [line.kind for line in picture.lines] == ["region"]
    assert picture.lines[0].d == "M40.0 40.0L60.0 40.0L60.0 60.0L40.0 60.0Z"
    assert picture.bar == pytest.approx(20)
    assert picture.bar_label == "20 µm"


def test_places_are_whole_pixels_of_the_finest_level() -> None:
    assert pixel_place(slide(np.zeros((10, 20))), (1.2345, 0.5)) == (1234, 500)
