from lesionkit.recipes.ct.kind import CT


def test_the_kind_is_called_a_scan_and_two_are_worth_a_process_each():
    assert (CT.search.noun, CT.search.few) == ("scan", 2)
