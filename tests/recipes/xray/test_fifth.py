from lesionkit.recipes.xray.fifth import RECIPE, XrayFifth


def test_every_network_counts_the_same_five_of_se50_and_two_of_se101():
    weights = {m.name: (m.folds, m.weight / m.folds) for m in XrayFifth().members}
    assert weights == {"se50": (5, 1.0), "se101": (2, 1.0)}


def test_they_learn_from_radiographs_without_masks_by_a_mean_teacher():
    assert all(m.learn.teacher is not None for m in XrayFifth().members)
    assert all(m.learn.teacher is None for m in RECIPE.settings.parse({"learn": {"teacher": False}}).networks)


def test_the_largest_pixel_decides():
    assert (RECIPE.settings().rule.search, RECIPE.settings().rule.published) == ("maximum pixel", "5th")


def test_they_are_validated_every_500_steps():
    assert {m.learn.validate_every for m in XrayFifth().members} == {500}
