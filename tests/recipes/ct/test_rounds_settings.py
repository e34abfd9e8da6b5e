import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.detection_settings import RoundsLearnSettings
from lesionkit.recipes.ct.rounds_settings import MineSettings


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"alarm_share": 0.6, "lesion_share": 0.4}, "must be below 1, so that easy patches are shown too, got 1"),
        ({"rule": "none", "also": "x.csv"}, r"mine.rule=none shows nothing again, but mine.also names x\.csv"),
        ({"rule": "odd"}, "setting 'rule'"),
    ],
)
def test_what_cannot_be_mined_is_refused_in_a_sentence(values, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        MineSettings.parse(values)


def test_the_first_round_is_one_of_the_rounds():
    assert RoundsLearnSettings(rounds=3, first_round=3).first_round == 3
    with pytest.raises(LesionkitError, match=r"learn.first_round must be one of the rounds 1 to 2, got 3"):
        RoundsLearnSettings(rounds=2, first_round=3)
