from lesionkit.recipes.xray.pneumothorax import RECIPE


def test_one_small_network_with_an_image_head_is_trained_on_one_split():
    settings = RECIPE.settings()
    (member,) = settings.members
    assert (member.name, member.net.encoder, member.net.head) == ("small", "narrow-resnet18", "linear")
    assert settings.split.every_fold is False
    assert settings.lung.crop is False


def test_positives_fall_from_80_to_40_percent():
    (member,) = RECIPE.settings().members
    assert (member.balance[0].share(0), member.balance[0].share(19)) == (0.8, 0.4)


def test_its_models_are_shipped():
    assert set(RECIPE.shipped_models()) == {"xray-pneumothorax", "xray-pneumothorax-painted"}
    assert RECIPE.model_settings(None).members[0].name == "small"
