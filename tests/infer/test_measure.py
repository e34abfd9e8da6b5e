import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.infer.measure import Axes, Measured, axes_of, measure


def ball(shape, centre, radius_mm, spacing):
    mesh = np.meshgrid(*[(np.arange(n) - c) * s for n, c, s in zip(shape, centre, spacing, strict=True)], indexing="ij")
    return sum(m**2 for m in mesh) <= radius_mm**2


def measured(hu, mask, spacing=(1.0, 1.0, 1.0)) -> Measured:
    return measure(np.asarray(hu, np.int16), mask, Grid.upright(mask.shape, spacing))


def numbers(**given) -> Measured:
    """A nodule of some numbers."""
    values = {
        **{"volume_mm3": 100.0, "equivalent_mm": 6.0, "axes": Axes(8.0, 6.0, 3), "solid_axes": None, "mean_hu": 0.0},
        **{"deviation_hu": 1.0, "solid_share": 1.0, "calcified_share": 0.0},
    }
    return Measured(**(values | given))


def test_a_box_is_measured_edge_to_edge():
    mask = np.zeros((9, 20, 20), bool)
    mask[3:6, 5:9, 4:14] = True
    found = measured(np.where(mask, 40, -850), mask, (2.0, 0.5, 0.5))
    assert found.volume_mm3 == 3 * 4 * 10 * 0.5
    # Its diagonal from middle of an edge to middle of an edge: the long side is 5 mm, the short one 2.
    assert found.axes.long_mm == pytest.approx(np.hypot(5.0, 1.5), abs=0.2)
    assert 1.5 < found.axes.short_mm <= 2.1
    assert found.axes.slice_index in (3, 4, 5)
    assert (found.mean_hu, found.deviation_hu, found.solid_share) == (40.0, 0.0, 1.0)


@given(st.floats(3, 12), st.sampled_from([0.5, 0.7, 1.0]), st.sampled_from([0.5, 1.25, 2.0]), st.floats(0, 1))
def test_both_axes_of_a_ball_are_its_diameter(radius, pixel, thickness, offset):
    spacing = (thickness, pixel, pixel)
    shape = tuple(int(2 * radius / s) + 6 for s in spacing)
    centre = [n / 2 + offset for n in shape]
    found = measured(np.zeros(shape), ball(shape, centre, radius, spacing), spacing)
    for size in (found.axes.long_mm, found.axes.short_mm, found.equivalent_mm):
        assert size == pytest.approx(2 * radius, abs=1.5 * max(pixel, thickness / 2))
    assert found.axes.short_mm <= found.axes.long_mm + 1e-9
    assert abs(found.axes.slice_index - centre[0]) * thickness <= max(radius / 2, thickness)


@pytest.mark.parametrize("angle", [0, 30, 45, 75])
def test_an_ellipse_has_its_axes_however_it_is_turned(angle):
    turn = np.radians(angle)
    y, x = np.mgrid[-30:31, -30:31] * 0.5
    u, v = x * np.cos(turn) + y * np.sin(turn), y * np.cos(turn) - x * np.sin(turn)
    mask = ((u / 12) ** 2 + (v / 5) ** 2 <= 1)[None]
    axes = axes_of(mask, Grid.upright(mask.shape, (1.0, 0.5, 0.5)))
    assert axes.long_mm == pytest.approx(24, abs=0.7)
    assert axes.short_mm == pytest.approx(10, abs=0.7)


def test_the_slice_with_the_longest_axis_is_the_one_that_is_measured():
    mask = np.zeros((5, 12, 30), bool)
    mask[1, 4:9, 4:9] = True
    mask[3, 5:7, 2:22] = True
    axes = axes_of(mask, Grid.upright(mask.shape, (1.0, 1.0, 1.0)), first=40)
    assert axes.slice_index == 43
    assert axes.long_mm == pytest.approx(20, abs=0.2)
    assert axes.mean_mm == pytest.approx((axes.long_mm + axes.short_mm) / 2)


def test_what_is_dense_inside_makes_the_texture():
    shape = (25, 25, 25)
    whole, core = (ball(shape, (12, 12, 12), radius, (1, 1, 1)) for radius in (10, 6))
    glass = np.where(whole, -650, -900)
    assert measured(glass, whole).texture == "ground-glass"
    half = measured(np.where(ball(shape, (12, 12, 12), 7.5, (1, 1, 1)), 20, glass), whole)
    assert half.texture == "part-solid"
    assert half.solid_axes.long_mm == pytest.approx(15, abs=1.2)
    assert measured(np.where(whole, 20, -900), whole).texture == "solid"
    assert measured(glass, whole).solid_axes is None
    # Of several dense parts the largest counts.
    two = np.where(core, 20, glass)
    two[2:4, 12, 12] = 20
    assert measured(two, whole).solid_axes.long_mm == pytest.approx(12, abs=1.2)


def test_the_outermost_samples_are_half_lung_and_do_not_count_for_density():
    whole, inner = (ball((25, 25, 25), (12, 12, 12), radius, (1, 1, 1)) for radius in (10, 9))
    found = measured(np.where(inner, 0, -500), whole)
    assert found.solid_share > 0.95 > inner.sum() / whole.sum()
    assert found.volume_mm3 == whole.sum()


def test_of_what_is_thin_all_samples_count():
    mask = np.zeros((5, 10, 10), bool)
    mask[2, 3:6, 3:6] = True
    assert measured(np.where(mask, 100, -900), mask).mean_hu == 100


def test_calcium_is_told_from_ten_percent_on():
    mask = np.ones((10, 10, 10), bool)
    padded, hu = np.pad(mask, 3), np.full((16, 16, 16), 30)
    hu[4:12, 4:12, 4:5] = 600  # 64 of the 512 inner samples
    assert measured(hu, padded).calcified_share == pytest.approx(64 / 512)
    assert measured(hu, padded).calcified
    assert not numbers(calcified_share=0.09).calcified


@pytest.mark.parametrize(("mean", "said"), [(5.4, "<6 mm"), (5.5, "6-8 mm"), (8.4, "6-8 mm"), (8.5, ">8 mm")])
def test_size_classes_are_of_whole_millimetres(mean, said):
    assert numbers(axes=Axes(mean, mean, 0)).fleischner == said


@pytest.mark.parametrize(
    ("share", "size", "solid", "said"),
    [
        *[(1.0, 5.9, 5.9, "2"), (1.0, 6.0, 6.0, "3"), (1.0, 8.0, 8.0, "4A"), (1.0, 15.0, 15.0, "4B")],
        *[(0.5, 5.9, 5.0, "2"), (0.5, 6.0, 5.9, "3"), (0.5, 10.0, 6.0, "4A"), (0.5, 10.0, 8.0, "4B")],
        *[(0.5, 10.0, None, "3"), (0.1, 29.9, None, "2"), (0.1, 30.0, 20.0, "3")],
    ],
)
def test_categories_of_lung_rads_follow_size_and_texture(share, size, solid, said):
    part = None if solid is None else Axes(solid, solid, 0)
    assert numbers(solid_share=share, axes=Axes(size, size, 0), solid_axes=part).lung_rads == said


def test_nothing_drawn_and_another_shape_are_refused():
    with pytest.raises(LesionkitError, match=r"a mask that marks some of an image's samples, got 0 of a mask of"):
        measured(np.zeros((4, 4, 4)), np.zeros((4, 4, 4), bool))
    with pytest.raises(LesionkitError, match="draw it on that image"):
        measure(np.zeros((4, 4, 5)), np.ones((4, 4, 4), bool), Grid.upright((4, 4, 4), (1, 1, 1)))
