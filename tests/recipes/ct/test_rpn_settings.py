import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.ct.rpn_settings import CtNoduleRpn
from lesionkit.recipes.ensemble import plans_of
from lesionkit.runs.settings_file import resolve


def test_small_nodules_are_drawn_more_often_and_crops_hold_them_whole():
    sample = CtNoduleRpn().sample
    assert dict(zip((*sample.size_limits_mm, "above"), sample.size_weights, strict=True)) == {
        10.0: 4.0,
        80.0: 2.0,
        100.0: 1.0,
        "above": 0.0,
    }
    assert (sample.whole, sample.edge_samples, sample.zoom_by_size) == (True, 12, True)
    assert sample.lesion_share + sample.insert_share == pytest.approx(0.7)


def test_the_published_network_is_a_preset():
    settings = resolve(
        CtNoduleRpn(), [], ["net.preset=paper", "sample.patch=128", "learn.rule.weights=[0.5,0.05,0.05]"]
    )
    assert (settings.net.stem, settings.net.channels, settings.sample.patch) == ("pre-block", (32, 64, 64, 64), 128)
    assert settings.learn.rule.weights == (0.5, 0.05, 0.05)


def test_members_may_differ_in_their_networks():
    settings = CtNoduleRpn.parse({"members": [{"name": "a"}, {"name": "b", "seed": 1, "net": {"dropout": 0.5}}]})
    assert [(plan.name, plan.settings.net.dropout) for plan in plans_of(settings)] == [("a", 0.1), ("b", 0.5)]


def test_scans_have_samples_of_a_millimetre_as_the_anchors_have():
    with pytest.raises(LesionkitError, match=r"prepare\.spacing_mm must be 1 in this recipe, .* got 2\.0"):
        resolve(CtNoduleRpn(), [], ["prepare.spacing_mm=2.0"])


def test_a_crop_that_is_no_multiple_of_16_is_refused():
    with pytest.raises(LesionkitError, match="multiple of 16"):
        resolve(CtNoduleRpn(), [], ["sample.patch=40"])
    with pytest.raises(LesionkitError, match="a side of at least 32 and a multiple of 16, not 40"):
        resolve(CtNoduleRpn(), [], ["learn.curriculum=[[40, 1]]"])
