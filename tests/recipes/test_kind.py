from dataclasses import fields, replace

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.ct.kind import CT
from lesionkit.recipes.kind import Kind, Listed, Scored
from lesionkit.recipes.slide.kind import SLIDE
from lesionkit.recipes.xray.kind import XRAY


def test_kinds_are_told_apart_by_what_one_image_is_called():
    assert [kind.search.noun for kind in (CT, XRAY, SLIDE)] == ["scan", "radiograph", "slide"]


def test_a_kind_has_no_more_than_thirteen_parts():
    assert len([one for one in fields(Kind) if one.name != "finds"]) <= 13  # That is a word.


@pytest.mark.parametrize("name", ["items", "index", "prepare", "learn", "score", "show", "scores", "basis", "search"])
def test_a_function_that_is_missing_is_named_when_the_kind_is_made(name):
    with pytest.raises(LesionkitError, match=f"a kind of image needs a function for each of .* but {name} is none"):
        replace(CT, **{name: None})


def test_what_is_listed_and_scored_may_be_empty():
    assert (Listed([]).notes, Scored({}, {}).warnings) == ((), ())
