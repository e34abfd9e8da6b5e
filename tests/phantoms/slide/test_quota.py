from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from lesionkit.phantoms.slide.quota import quota
from lesionkit.phantoms.slide.whole import SlidePhantomSettings


def test_six_slides_hold_normal_ones_and_hard_ones():
    kinds = [quota(number, SlidePhantomSettings()) for number in range(6)]
    assert Counter(stage for stage, _ in kinds) == {"negative": 2, "micro": 2, "macro": 2}
    assert Counter(hard for _, hard in kinds) == {True: 3, False: 3}


def test_a_share_of_none_gives_none():
    settings = SlidePhantomSettings(normal_share=0, itc_share=0, macro_share=1, hard_share=0)
    assert {quota(number, settings) for number in range(5)} == {("macro", False)}


@given(st.integers(1, 60), st.floats(0, 1), st.floats(0, 1))
def test_whatever_the_number_each_kind_has_its_share(count, normal, hard):
    settings = SlidePhantomSettings(normal_share=normal, hard_share=hard)
    made = Counter(quota(number, settings)[0] for number in range(count))
    assert abs(made["negative"] - normal * count) <= 2
