import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.ct import predecessor as subject
from lesionkit.recipes.ct.predecessor import refuse_foreign_predecessor
from lesionkit.recipes.ct.trained import digest_of
from lesionkit.runs.run_folder import RunFolder

DATA = {"path": "here", "sha256": "1"}
CARD = {"inputs": {"data": {"sha256": "1"}}, "learned_from": digest_of(["a", "b"]), "round": 1}


@pytest.fixture
def asked(monkeypatch, tmp_path):
    def ask(number=2, learners=("b", "a"), data=DATA, start=tmp_path / "m.safetensors", **card):
        monkeypatch.setattr(subject, "read_card", lambda _: CARD | card)
        refuse_foreign_predecessor(RunFolder(tmp_path, {"inputs": {"data": data}}), start, number, learners)

    return ask


def test_a_network_of_the_round_before_on_the_same_cases_is_taken(asked):
    asked()
    asked(number=3, round=2)


@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ({"start": None}, "round 2 must go on from what round 1 trained, but nothing is named; give --from RUN"),
        ({"number": 3}, r"round 3 must go on from round 2, but .*m.safetensors is of round 1; set learn.first_round"),
        ({"data": {"sha256": "2"}}, r"of the same data, but .*m.safetensors learned from others"),
        ({"learners": ("a", "c")}, r"of the same folds, but .*m.safetensors learned from other cases of the data"),
        ({"learned_from": None}, r"of the same folds"),
    ],
)
def test_another_is_refused_in_a_sentence(asked, what, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        asked(**what)


def test_which_cases_they_are_does_not_depend_on_their_order():
    assert digest_of(["a", "b"]) == digest_of(["b", "a"])
    assert digest_of(["a", "b"]) != digest_of(["a", "bb"])
