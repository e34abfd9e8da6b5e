from lesionkit.recipes.xray.third import RECIPE, XrayThird


def test_one_network_is_shown_704_and_two_576_pixels():
    sides = [(m.name, m.side, m.learn.parts[0].side) for m in XrayThird().members]
    assert sides == [("704", 704, 704), ("576 chexpert", 576, 576), ("576 chexpert nih", 576, 576)]


def test_they_differ_in_whose_pseudo_labels_they_learn_from():
    assert [m.pseudo for m in XrayThird().members] == ["none", "unlabelled", "all"]


def test_the_three_best_of_ten_folds_search():
    assert {m.best_folds for m in XrayThird().members} == {3}
    assert (XrayThird().split.folds, XrayThird().split.every_fold) == (10, True)


def test_the_lungs_are_drawn_by_a_resnet34_with_cbam_that_learned_for_30_epochs_in_batches_of_16():
    member = XrayThird().lung_member
    assert (member.net.architecture, member.net.encoder, member.side) == ("cbam unet", "resnet34", 256)
    assert (sum(part.epochs for part in member.learn.parts), member.learn.batch) == (30, 16)


def test_radiographs_are_cut_down_to_the_lungs_and_the_published_rule_is_taken():
    settings = RECIPE.settings()
    assert settings.lung.crop is True
    assert (settings.rule.search, settings.rule.published) == ("none", "3rd")


def test_they_learn_by_the_lovasz_loss_and_a_moving_average():
    for member in XrayThird().members:
        assert member.learn.loss.lovasz > 0
        assert member.learn.average is not None
