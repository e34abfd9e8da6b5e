import pydantic
import pytest
from pydantic import Field

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings


class Smooth(Settings):
    sigma_mm: float = Field(1.0, gt=0)
    steps: int = 3


class Outer(Settings):
    smooth: Smooth = Smooth()


def test_settings_are_frozen():
    with pytest.raises(pydantic.ValidationError, match="frozen"):
        Smooth().sigma_mm = 2.0  # type: ignore[misc]


def test_an_unknown_key_is_refused_with_the_nearest_one():
    with pytest.raises(LesionkitError, match=r"unknown setting 'sigma' of Smooth; did you mean 'sigma_mm'\?"):
        Smooth.parse({"sigma": 2})


def test_an_unlike_key_is_refused_with_the_list():
    with pytest.raises(LesionkitError, match="unknown setting 'q' of Smooth; it has sigma_mm, steps"):
        Smooth.parse({"q": 2})


def test_a_value_that_does_not_fit_is_named_with_its_place():
    with pytest.raises(LesionkitError, match=r"setting 'smooth.sigma_mm': .*greater than 0, got -1"):
        Outer.parse({"smooth": {"sigma_mm": -1}})


def test_dumping_and_parsing_gives_the_same_settings():
    settings = Outer(smooth=Smooth(sigma_mm=0.5))
    assert Outer.parse(settings.model_dump()) == settings
