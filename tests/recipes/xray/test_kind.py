from lesionkit.recipes.xray.kind import XRAY


def test_the_kind_is_called_a_radiograph_and_few_are_searched_by_one_process():
    assert XRAY.search.noun == "radiograph"
    assert XRAY.search.few == 1000
