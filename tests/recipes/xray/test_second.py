from lesionkit.recipes.xray.second import RECIPE, XraySecond

MEMBERS = {member.name: member for member in XraySecond().members}


def test_three_classifiers_judge_and_five_segmenters_draw():
    assert [name for name, m in MEMBERS.items() if m.role == "classifier"] == [
        *("classifier se50", "classifier se101", "classifier b3")
    ]
    assert [name for name, m in MEMBERS.items() if m.role == "segmenter"] == ["se50", "se101", "b3", "b5", "deeplab"]


def test_classifiers_are_shown_every_image_once_and_segmenters_positives_alone():
    assert all(not m.positives_only for m in MEMBERS.values() if m.role == "classifier")
    assert all(m.positives_only for m in MEMBERS.values() if m.role == "segmenter")
    assert MEMBERS["classifier b3"].balance[0].replacement is False


def test_two_networks_search_at_768_pixels_the_others_at_1024():
    assert {name for name, m in MEMBERS.items() if m.side == 768} == {"classifier se50", "b5"}
    assert {m.side for m in MEMBERS.values()} == {768, 1024}


def test_the_image_heads_are_stacked_and_nothing_is_mirrored():
    settings = RECIPE.settings()
    assert (settings.rule.stack, settings.rule.search) == (True, "classify then segment")
    assert settings.infer.flip is False
    assert (settings.split.folds, settings.split.every_fold) == (5, True)
