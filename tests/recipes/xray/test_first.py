import pytest

from lesionkit.recipes.xray.first import RECIPE, XrayFirst


def test_three_networks_count_as_in_the_first_submission():
    assert {m.name: m.weight for m in XrayFirst().members} == {"albunet": 0.6, "scse": 0.2, "resnet50": 0.2}
    assert {m.checkpoints for m in XrayFirst().members} == {3}


def test_all_but_resnet50_begin_at_512_pixels():
    sides = {m.name: [part.side for part in m.learn.parts] for m in XrayFirst().members}
    assert sides["albunet"] == sides["scse"] == [512, 1024, 1024, 1024]
    assert sides["resnet50"] == [1024] * 4


def test_part_by_part_fewer_positives_are_shown():
    for member in XrayFirst().members:
        assert [balance.share(0) for balance in member.balance] == pytest.approx([0.8, 0.6, 0.4, 0.5])


def test_five_folds_are_trained_and_a_triplet_is_searched():
    assert (RECIPE.settings().split.folds, RECIPE.settings().split.every_fold) == (5, True)
    assert RECIPE.settings().rule.search == "triplet"
