from lesionkit.recipes.xray.first import RECIPE, WEIGHTS, XrayFirst
from lesionkit.recipes.xray.rules import candidates
from lesionkit.runs.settings_file import change


def test_four_networks_count_as_in_the_first_submission():
    weights = {m.name: m.weight for m in XrayFirst().members}
    assert weights == {"albunet_public": 0.4, "albunet_valid": 0.2, "scse": 0.2, "resnet50": 0.2}
    assert weights == WEIGHTS["v1"]
    assert {m.checkpoints for m in XrayFirst().members} == {3}


def test_the_second_submission_counts_them_otherwise_and_has_a_triplet_of_its_own():
    settings = change(XrayFirst(), {"submission": "v2"})
    assert {m.name: m.weight for m in settings.networks} == WEIGHTS["v2"]
    assert settings.rule.published == "1st submitted, second"
    assert XrayFirst().rule.published == "1st submitted"


def test_the_two_albunets_differ_in_loss_and_in_the_order_of_their_shares():
    members = {m.name: m for m in XrayFirst().members}
    weights = {name: (m.learn.loss.bce, m.learn.loss.dice, m.learn.loss.focal) for name, m in members.items()}
    assert weights["albunet_public"] == (1, 1, 1)
    assert weights["albunet_valid"] == weights["scse"] == (3, 1, 4)
    assert weights["resnet50"] == (2, 1, 2)
    shares = {name: [balance.share(0) for balance in m.balance] for name, m in members.items()}
    assert shares["albunet_public"] == [0.8, 0.4, 0.6, 0.4]
    assert shares["albunet_valid"] == [0.8, 0.6, 0.4, 0.4]
    assert shares["scse"] == shares["resnet50"] == [0.8, 0.6, 0.4, 0.5]


def test_every_triplet_that_is_searched_drops_contours_of_100_pixels():
    assert {rule.min_contour_area for rule in candidates(XrayFirst().rule.search, "plain", has_head=False)} == {100}


def test_all_but_resnet50_begin_at_512_pixels():
    sides = {m.name: [part.side for part in m.learn.parts] for m in XrayFirst().members}
    assert sides["albunet_public"] == sides["albunet_valid"] == sides["scse"] == [512, 1024, 1024, 1024]
    assert sides["resnet50"] == [1024] * 4


def test_all_but_resnet50_freeze_the_encoder_where_the_pictures_grow():
    frozen = {m.name: [part.frozen_epochs for part in m.learn.parts] for m in XrayFirst().members}
    assert frozen.pop("resnet50") == [0, 0, 0, 0]
    assert set(map(tuple, frozen.values())) == {(0, 2, 0, 0)}


def test_five_folds_are_trained_and_a_triplet_is_searched():
    assert (RECIPE.settings().split.folds, RECIPE.settings().split.every_fold) == (5, True)
    assert RECIPE.settings().rule.search == "triplet of the 1st"
