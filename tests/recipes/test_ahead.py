from pathlib import Path
from threading import Event, current_thread

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.ahead import Ahead
from lesionkit.recipes.base import Item

A, B, C = (Item(name, Path(name)) for name in "abc")


class Opener:
    """Opens paths as their names, and tells when and in which thread."""

    def __init__(self):
        self.done = {item.case_id: Event() for item in (A, B, C)}
        self.threads = {}

    def __call__(self, path: Item) -> str:
        self.threads[path.case_id] = current_thread().name
        self.done[path.case_id].set()
        if path == C:
            raise LesionkitError("c is no slide")
        return path.case_id


def test_the_next_slide_is_opened_while_the_present_one_is_searched_and_no_further_one():
    opener = Opener()
    with Ahead([A, B, C], opener) as ahead:
        assert ahead(A) == "a"
        assert opener.done["b"].wait(10)
        assert not opener.done["c"].is_set()
        assert ahead(B) == "b"
    assert opener.threads["b"].startswith("next-image")


def test_a_slide_that_cannot_be_opened_fails_when_it_is_its_turn():
    with Ahead([B, C], Opener()) as ahead:
        assert ahead(B) == "b"
        with pytest.raises(LesionkitError, match="c is no slide"):
            ahead(C)


def test_a_slide_out_of_turn_is_opened_then():
    with Ahead([A, B], Opener()) as ahead:
        assert (ahead(B), ahead(A)) == ("b", "a")
