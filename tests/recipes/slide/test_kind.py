from lesionkit.recipes.slide.kind import SLIDE


def test_the_kind_is_called_a_slide_and_two_are_worth_a_process_each():
    assert SLIDE.search.noun == "slide"
    assert SLIDE.search.few == 2
