from threading import Event, current_thread

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.ahead import Ahead

A, B, C = "abc"


class Opener:
    """Opens paths as their names, and tells when and in which thread."""

    def __init__(self):
        self.done = {item: Event() for item in (A, B, C)}
        self.threads = {}

    def __call__(self, path: str) -> str:
        self.threads[path] = current_thread().name
        self.done[path].set()
        if path == C:
            raise LesionkitError("c is no item")
        return path


def test_the_next_item_is_opened_while_the_present_one_is_searched_and_no_further_one():
    opener = Opener()
    with Ahead([A, B, C], opener, str) as ahead:
        assert ahead(A) == "a"
        assert opener.done["b"].wait(10)
        assert not opener.done["c"].is_set()
        assert ahead(B) == "b"
    assert opener.threads["b"].startswith("next-item")


def test_a_item_that_cannot_be_opened_fails_when_it_is_its_turn():
    with Ahead([B, C], Opener(), str) as ahead:
        assert ahead(B) == "b"
        with pytest.raises(LesionkitError, match="c is no item"):
            ahead(C)


def test_a_item_out_of_turn_is_opened_then():
    with Ahead([A, B], Opener(), str) as ahead:
        assert (ahead(B), ahead(A)) == ("b", "a")
