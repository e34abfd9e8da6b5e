from pathlib import Path
from threading import Event, current_thread

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.slide.ahead import Ahead

A, B, C = Path("a"), Path("b"), Path("c")


class Opener:
    """Opens paths as their names, and tells when and in which thread."""

    def __init__(self):
        self.done = {path: Event() for path in (A, B, C)}
        self.threads = {}

    def __call__(self, path: Path) -> str:
        self.threads[path] = current_thread().name
        self.done[path].set()
        if path == C:
            raise LesionkitError("c is no slide")
        return path.name


def test_the_next_slide_is_opened_while_the_present_one_is_searched_and_no_further_one():
    opener = Opener()
    with Ahead([A, B, C], opener) as ahead:
        assert ahead(A) == "a"
        assert opener.done[B].wait(10)
        assert not opener.done[C].is_set()
        assert ahead(B) == "b"
    assert opener.threads[B].startswith("next-slide")


def test_a_slide_that_cannot_be_opened_fails_when_it_is_its_turn():
    with Ahead([B, C], Opener()) as ahead:
        assert ahead(B) == "b"
        with pytest.raises(LesionkitError, match="c is no slide"):
            ahead(C)


def test_a_slide_out_of_turn_is_opened_then():
    with Ahead([A, B], Opener()) as ahead:
        assert (ahead(B), ahead(A)) == ("b", "a")
