import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.split import (
    Splits,
    given_splits,
    read_splits,
    split_by_patient,
    write_splits,
)

FIVE = {"a1": "A", "a2": "A", "b1": "B", "c1": "C", "d1": "D"}
patients = st.dictionaries(st.text("abcdef", min_size=1, max_size=4), st.sampled_from("UVWXYZ"), min_size=1)


@given(patients, st.integers(0, 5))
def test_every_case_is_dealt_once_and_no_patient_is_torn_apart(cases, seed):
    people = set(cases.values())
    shares = dict(zip(["train", "validation", "test"][: len(people)], [0.6, 0.2, 0.2], strict=False))
    splits = split_by_patient(cases, shares, seed)
    assert sorted(case for part in splits.parts.values() for case in part) == sorted(cases)
    assert all(splits.parts.values())
    sides = [{cases[case] for case in part} for part in splits.parts.values()]
    assert sum(map(len, sides)) == len(people)


@given(patients, st.randoms(use_true_random=False))
def test_the_order_of_the_cases_does_not_matter(cases, random):
    shuffled = list(cases.items())
    random.shuffle(shuffled)
    shares = {"all": 1.0}
    assert split_by_patient(dict(shuffled), shares) == split_by_patient(cases, shares)


def test_shares_are_met_where_patients_have_one_case_each():
    splits = split_by_patient({f"c{i}": f"p{i}" for i in range(100)})
    assert {name: len(cases) for name, cases in splits.parts.items()} == {"train": 70, "validation": 15, "test": 15}


def test_another_seed_deals_otherwise():
    cases = {f"c{i}": f"p{i}" for i in range(20)}
    assert split_by_patient(cases, seed=1) == split_by_patient(cases, seed=1)
    assert split_by_patient(cases, seed=1) != split_by_patient(cases, seed=2)


def test_folds_are_of_equal_size_and_each_is_left_out_once():
    splits = split_by_patient({f"c{i}": f"p{i}" for i in range(10)}, {f"fold{i}": 1.0 for i in range(5)})
    assert [len(cases) for cases in splits.parts.values()] == [2] * 5
    rest, held = splits.leave_out("fold3")
    assert held == splits["fold3"]
    assert len(rest) == 8
    assert not set(rest) & set(held)


def test_a_round_never_learns_from_the_test_part():
    folds = Splits({"fold0": ("a",), "fold1": ("b", "c"), "test": ("d",)})
    assert folds.rounds == ("fold0", "fold1")
    assert folds.leave_out("fold0") == (("b", "c"), ("a",))
    once = Splits({"train": ("a", "b"), "validation": ("c",), "test": ("d",)})
    assert once.rounds == ("",)
    assert once.leave_out("") == (("a", "b"), ("c",))


def test_given_folds_are_used_as_they_are():
    splits = given_splits({"a1": "subset0", "b1": "subset1", "a2": "subset0"}, FIVE)
    assert splits.parts == {"subset0": ("a1", "a2"), "subset1": ("b1",)}


def test_given_folds_that_tear_a_patient_apart_are_refused():
    message = (
        r"a patient must be on one side, got 'subset0' \(case 'a1'\) and 'subset1' \(case 'a2'\); "
        "move the patient's cases together"
    )
    with pytest.raises(LesionkitError, match=message):
        given_splits({"a1": "subset0", "a2": "subset1"}, FIVE)


def test_splits_come_back_as_they_were_written(tmp_path):
    splits = Splits({"train": ("a1", "a2", "b1"), "test": ("c1",)})
    assert read_splits(write_splits(tmp_path / "splits.json", splits), FIVE) == splits


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "splits must be a readable JSON file"),
        ("[]", r'splits must map parts to lists of case ids, as in \{"train": \[\], "test": \[\]\}'),
        ('{"train": [1]}', "splits must map parts to lists of case ids"),
        ('{"train": ["z9"]}', r"splits.json: splits: case 'z9' of part 'train' is not in the data set"),
        ('{"train": ["a1"], "test": ["a2"]}', "a patient must be on one side"),
        ('{"train": ["b1"], "test": ["b1"]}', "case 'b1' must be in one part, got 'train' and 'test'"),
    ],
)
def test_bad_splits_are_refused(tmp_path, text, message):
    (tmp_path / "splits.json").write_text(text)
    with pytest.raises(LesionkitError, match=message):
        read_splits(tmp_path / "splits.json", FIVE)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: split_by_patient({"a": "A", "b": "A"}),
            r"3 parts \(train, validation, test\) need as many patients, got 1",
        ),
        (lambda: split_by_patient(FIVE, {"train": 1, "test": 0}), "each part needs a positive share"),
        (lambda: Splits({"train": ()})["test"], "the splits have no part 'test'; they have train"),
    ],
)
def test_impossible_wishes_are_refused(call, message):
    with pytest.raises(LesionkitError, match=message):
        call()


@pytest.mark.parametrize("seed", range(10))
def test_a_patient_of_many_cases_is_dealt_first_so_that_the_others_even_it_out(seed):
    cases = {f"many {i}": "one" for i in range(5)} | {f"single {i}": f"p{i}" for i in range(5)}
    splits = split_by_patient(cases, {"a": 0.5, "b": 0.5}, seed)
    assert [len(part) for part in splits.parts.values()] == [5, 5]
