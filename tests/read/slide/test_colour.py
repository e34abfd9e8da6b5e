import numpy as np
import pytest

from lesionkit.read.slide.colour import ASSOCIATED, UNASSOCIATED, as_rgb

INK = [110, 70, 150]


@pytest.mark.parametrize(
    ("alpha", "kind", "expected"),
    [
        (0, UNASSOCIATED, [255, 255, 255]),
        (255, UNASSOCIATED, INK),
        (51, UNASSOCIATED, [226, 218, 234]),
        (255, ASSOCIATED, INK),
        (204, ASSOCIATED, [161, 121, 201]),
        (0, 0, INK),
    ],
)
def test_glass_shows_where_alpha_lets_it_through(alpha, kind, expected):
    assert as_rgb(np.array([[[*INK, alpha]]], np.uint8), alpha=kind).tolist() == [[expected]]


def test_grey_with_and_without_alpha_becomes_rgb():
    assert as_rgb(np.array([[[90]]], np.uint8)).tolist() == [[[90, 90, 90]]]
    assert as_rgb(np.array([[[90, 0]]], np.uint8), alpha=UNASSOCIATED).tolist() == [[[255, 255, 255]]]


def test_luminance_and_its_differences_become_rgb():
    rgb = as_rgb(np.array([[[152, 143, 149]]], np.uint8), is_ybr=True)
    np.testing.assert_allclose(rgb[0, 0], [182, 132, 179], atol=1)
