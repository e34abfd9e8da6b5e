import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.rpn_settings import RpnLearnSettings, RpnRule


def test_a_curriculum_shares_steps_and_minutes_and_leaves_the_rest():
    learn = RpnLearnSettings(steps=1000, minutes=20, curriculum=((32, 0.1), (64, 0.1), (96, 0.2)))
    parts = learn.parts(128)
    assert [(side, part.steps, part.minutes) for side, part in parts] == [
        (32, 250, 5.0),
        (64, 250, 5.0),
        (96, 500, 10.0),
    ]
    assert all(part.curriculum == () and part.rule == learn.rule for _, part in parts)


def test_without_a_curriculum_crops_have_one_size():
    learn = RpnLearnSettings()
    assert learn.parts(128) == ((128, learn),)


@pytest.mark.parametrize("side", [16, 40, 72])
def test_a_crop_that_is_no_multiple_of_16_is_refused(side):
    with pytest.raises(LesionkitError, match=f"a side of at least 32 and a multiple of 16, not {side}"):
        RpnLearnSettings.parse({"curriculum": [[side, 1]]})


def test_a_crop_without_a_share_is_refused():
    with pytest.raises(LesionkitError, match="a crop of the curriculum has a share above 0, not 0"):
        RpnLearnSettings.parse({"curriculum": [[32, 0]]})


def test_weights_of_the_parts_are_not_all_nothing():
    with pytest.raises(LesionkitError, match="weights must be 0 or more, one of them above 0"):
        RpnRule.parse({"weights": [0, 0, 0]})
