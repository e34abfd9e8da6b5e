import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.review.growth import doubling_days

MM = st.floats(1, 100)


def test_a_diameter_that_doubles_is_eight_times_the_volume_so_three_doublings():
    assert doubling_days(5, 10, 300) == pytest.approx(100)


def test_what_shrinks_to_half_its_volume_has_minus_the_time():
    assert doubling_days(10, 10 / 2 ** (1 / 3), 90) == pytest.approx(-90)


@given(MM, MM, st.floats(1, 3000))
def test_the_volume_doubles_once_in_each_doubling_time(first, second, days):
    found = doubling_days(first, second, days)
    if math.isfinite(found):
        assert (second / first) ** 3 == pytest.approx(2 ** (days / found), rel=1e-6)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [((0, 5, 90), "two positive diameters"), ((5, math.inf, 90), "two positive diameters"), ((5, 6, 0), "more than 0")],
)
def test_nothing_is_made_of_sizes_or_times_that_are_none(values, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        doubling_days(*values)
