import pytest

from lesionkit.recipes.xray.fourth import RECIPE, XrayFourth
from lesionkit.recipes.xray.settings import shown_side


def test_crops_of_512_are_cut_from_768_pixels_and_768_are_searched():
    (member,) = XrayFourth().members
    assert (member.learn.parts[0].side, shown_side(member.learn.parts[0], member), member.side) == (512, 768, 768)


def test_the_share_of_positives_falls():
    (member,) = XrayFourth().members
    shares = [member.balance[0].share(epoch) for epoch in (0, 20, 10_000)]
    assert shares == sorted(shares, reverse=True)
    assert (shares[0], shares[-1]) == pytest.approx((0.8, 0.22))


def test_four_epochs_of_each_of_eight_folds_search_together():
    assert XrayFourth().members[0].checkpoints == 4
    assert (RECIPE.settings().split.folds, RECIPE.settings().split.every_fold) == (8, True)
    assert RECIPE.settings().rule.search == "head and area"
