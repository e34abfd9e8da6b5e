from lesionkit.recipes.xray.third import RECIPE, XrayThird


def test_one_network_is_shown_704_and_one_576_pixels():
    assert [(m.name, m.side, m.learn.parts[0].side) for m in XrayThird().members] == [
        *(("704", 704, 704), ("576", 576, 576))
    ]


def test_radiographs_are_cut_down_to_the_lungs_and_the_published_rule_is_taken():
    settings = RECIPE.settings()
    assert settings.lung.crop is True
    assert (settings.rule.search, settings.rule.published) == ("none", "3rd")


def test_they_learn_by_the_lovasz_loss_and_a_moving_average():
    for member in XrayThird().members:
        assert member.learn.loss.lovasz > 0
        assert member.learn.average is not None
