import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.runs.search_ranges import SearchRange, parse_search


class Learn(Settings):
    lr: float = 1e-3
    epochs: int = 10
    kind: str = "round"


class Toy(Settings):
    learn: Learn = Learn()


@pytest.mark.parametrize(
    ("text", "search"),
    [
        ("learn.lr=loguniform(1e-4,1e-2)", SearchRange("learn.lr", "loguniform", 1e-4, 1e-2)),
        ("learn.lr=uniform(0, 1)", SearchRange("learn.lr", "uniform", 0, 1)),
        ("learn.epochs=int(1,20)", SearchRange("learn.epochs", "int", 1, 20)),
        ("learn.epochs=logint(1,1e3)", SearchRange("learn.epochs", "logint", 1, 1000)),
        ("learn.kind=round, square,round", SearchRange("learn.kind", "choice", choices=("round", "square"))),
    ],
)
def test_a_text_becomes_a_search(text, search):
    assert parse_search(Toy(), text) == search


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("learn.lrr=0.1,0.2", "unknown setting 'learn.lrr'; did you mean 'learn.lr'"),
        ("learn.lr=0.1", "needs at least two values or a range such as"),
        ("learn.lr=normal(0,1)", "a range is one of uniform, loguniform, int, logint, got 'normal'"),
        ("learn.lr=uniform(a,b)", "the ends of a range must be numbers"),
        ("learn.lr=uniform(2,1)", "a range needs its lower end first, then a higher one"),
        ("learn.lr=loguniform(0,1)", "a range needs its lower end above 0 first"),
        ("learn.epochs=int(1.5,3)", "the ends of int must be whole numbers"),
        ("learn.epochs=3,many", "setting 'learn.epochs': .*got 'many'"),
        ("learn.epochs=uniform(0.5,3)", "setting 'learn.epochs': .*got 0.5"),
    ],
)
def test_a_search_that_cannot_be_is_refused(text, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        parse_search(Toy(), text)
