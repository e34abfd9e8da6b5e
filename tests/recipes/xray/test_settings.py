import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.xray.settings import LUNG, SMALL, RuleSettings, XrayPneumothorax, shown_side
from lesionkit.runs.settings_file import change


def test_pictures_are_prepared_as_large_as_the_largest_that_is_shown():
    two = XrayPneumothorax(members=(SMALL, SMALL.model_copy(update={"name": "big", "side": 512})))
    assert XrayPneumothorax().side == 256
    assert two.side == 512


def test_a_crop_is_cut_from_a_larger_picture():
    part = SMALL.learn.parts[0]
    assert shown_side(part, SMALL) == 256
    assert shown_side(part, SMALL.model_copy(update={"crop": 2 / 3})) == 384


def test_the_lung_network_keeps_its_size_loss_and_head_whatever_all_learn_by():
    settings = change(XrayPneumothorax(), {"learn": {"side": 64, "loss": "3rd", "batch": 2}, "net": {"head": "linear"}})
    lung = settings.lung_member
    assert (lung.side, lung.learn.loss, lung.net.head) == (256, LUNG.learn.loss, "none")
    assert lung.learn.batch == 2
    assert settings.networks[0].side == 64


def test_an_unknown_rule_is_refused_with_those_there_are():
    with pytest.raises(LesionkitError, match=r"published must be one of plain, .*, got '6th'"):
        RuleSettings(published="6th")
