import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes import RECIPES, load_recipe
from lesionkit.recipes.xray.ensemble import roles, rule_document, rule_of
from lesionkit.recipes.xray.members import shortened, with_side
from lesionkit.recipes.xray.settings import shown_side
from lesionkit.runs.settings_file import change

XRAY = [name for name in RECIPES if name.startswith("xray-")]


def changed(name, changes):
    return change(load_recipe(name).settings(), changes)


@pytest.mark.parametrize("name", XRAY)
def test_every_recipe_can_be_made_small(name):
    small = {"net": {"encoder": "tu-test_resnet", "pretrained": False}, "learn": {"side": 64, "epochs": 4, "batch": 2}}
    settings = changed(name, small)
    assert settings.side <= 96
    for member in settings.networks:
        assert sum(part.epochs for part in member.learn.parts) == 4
        assert (member.net.encoder, member.learn.batch) == ("tu-test_resnet", 2)


def test_the_first_goes_from_512_to_1024_pixels_and_from_many_positives_to_few():
    first = changed("xray-pneumothorax-1st", {}).networks[0]
    assert [part.side for part in first.learn.parts] == [512, 1024, 1024, 1024]
    assert [balance.share(0) for balance in first.balance] == [0.8, 0.4, 0.6, 0.4]
    assert [part.side for part in with_side(first, 0.25).learn.parts] == [128, 256, 256, 256]


def test_the_fourth_is_shown_crops_of_512_from_768_pixels():
    (fourth,) = changed("xray-pneumothorax-4th", {}).networks
    assert (fourth.learn.parts[0].side, shown_side(fourth.learn.parts[0], fourth), fourth.side) == (512, 768, 768)


def test_a_shorter_training_keeps_the_proportions_of_its_schedules():
    (fourth,) = changed("xray-pneumothorax-4th", {}).networks
    short = shortened(fourth, 6)
    assert short.balance[0].knots == ((0, 0.8), (6, 0.22))
    assert short.learn.parts[0].period == 1
    third = changed("xray-pneumothorax-3rd", {}).networks[0]
    assert [part.epochs for part in shortened(third, 20).learn.parts] == [13, 5, 2]
    assert shortened(third, 20).learn.average.decays == ((0, 0.0), (4, 0.99))
    assert [part.epochs for part in shortened(third, 1).learn.parts] == [1]


def test_classifiers_alone_judge_and_segmenters_alone_draw():
    found = roles(changed("xray-pneumothorax-2nd", {}).members)
    assert found["classifier b3"] == (False, True)
    assert found["se50"] == found["deeplab"] == (True, False)
    assert roles(changed("xray-pneumothorax-5th", {}).members)["se50"] == (True, True)


def test_names_of_winners_replace_what_every_network_learns_by():
    settings = changed("xray-pneumothorax", {"learn": {"loss": "3rd", "average": 0.99}, "sample": {"balance": "5th"}})
    (member,) = settings.networks
    assert (member.learn.loss.lovasz, member.learn.average.decays) == (1, ((0, 0.99),))
    assert member.balance[0].draw == "both"


@pytest.mark.parametrize(("group", "field"), [("learn", "loss"), ("sample", "augment"), ("sample", "balance")])
def test_an_unknown_name_is_refused_with_those_there_are(group, field):
    with pytest.raises(LesionkitError, match=f"{field} must be one of .*, got 'sixth'"):
        changed("xray-pneumothorax", {group: {field: "sixth"}})


def test_the_average_is_a_number_for_every_kind_of_image():
    with pytest.raises(LesionkitError, match=r"average is a decay per step now, such as 0\.99, .*got '3rd'"):
        changed("xray-pneumothorax", {"learn": {"average": "3rd"}})
    (member,) = changed("xray-pneumothorax", {"learn": {"average": 0, "steps": 9, "weight_decay": 0.1}}).networks
    assert (member.learn.average, member.learn.steps, member.learn.weight_decay) == (None, 9, 0.1)


def test_minutes_do_not_change_a_member_before_they_are_shared():
    (member,) = changed("xray-pneumothorax", {"learn": {"minutes": 10}}).networks
    assert member.learn.minutes is None


def test_a_rule_is_the_same_after_it_was_written():
    from lesionkit.infer.decide import RULES

    for rule in RULES.values():
        assert rule_of(rule_document(rule)) == rule
    with pytest.raises(LesionkitError, match=r"a decision rule must be one of .*, got 'Guess'"):
        rule_of({"kind": "Guess"})
