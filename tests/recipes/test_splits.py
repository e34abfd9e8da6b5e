"""One way to deal cases, whatever the kind of image."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.recipes.splits import SplitSettings, named, run_splits
from lesionkit.runs.run_folder import open_run
from lesionkit.sample.split import Splits, check_patients, split_by_patient

TWENTY = {f"c{number:02d}": f"p{number // 2}" for number in range(40)}
TEN = Splits({f"subset{number}": (f"c{number}",) for number in range(10)})


@pytest.fixture
def go(tmp_path):
    """go(settings, patients, name, **more): the splits of a run in `tmp_path/name`, and its warnings."""
    (tmp_path / "data").mkdir()

    def splits(settings, patients=TWENTY, name="run", **more):
        with open_run(tmp_path / name, "any", Settings(), {}) as run:
            found = run_splits(run, tmp_path / "data", patients, settings, split_by_patient, **more)
            return found, run.warnings

    return splits


def test_cases_are_dealt_to_parts_near_their_shares_and_kept_in_the_run(go, tmp_path):
    splits, warnings = go(SplitSettings(shares=(0.5, 0.25, 0.25)))
    assert {name: len(cases) for name, cases in splits.parts.items()} == {"train": 20, "validation": 10, "test": 10}
    assert not warnings
    assert json.loads((tmp_path / "run/splits.json").read_text()) == {k: list(v) for k, v in splits.parts.items()}


def test_two_shares_leave_nobody_to_test_and_a_share_of_zero_is_no_part(go):
    assert list(go(SplitSettings(shares=(0.8, 0.2)))[0].parts) == ["train", "validation"]
    assert list(go(SplitSettings(shares=(0.8, 0.2, 0)), name="zero")[0].parts) == ["train", "validation"]


def test_a_run_keeps_its_parts_whatever_becomes_of_its_cases(go):
    fewer = {case: patient for case, patient in TWENTY.items() if case != "c00"}
    before, _ = go(SplitSettings(), fewer)
    after, warnings = go(SplitSettings(), TWENTY)
    assert after == before
    assert warnings == ("1 cases could not be used when the run began and are left out, the first c00",)


@given(st.integers(2, 6), st.integers(0, 5), st.sampled_from([(0.8, 0.2), (0.6, 0.2, 0.2)]))
def test_every_fold_is_left_out_once_and_the_test_part_never_learns(folds, seed, shares):
    settings = SplitSettings(shares=shares, folds=folds, every_fold=True, seed=seed)
    from lesionkit.recipes.splits import _dealt

    splits = _dealt(TWENTY, settings, split_by_patient)
    check_patients(splits, TWENTY)
    assert splits.folds == tuple(f"fold{number}" for number in range(folds))
    held = [case for fold in splits.rounds for case in splits.leave_out(fold)[1]]
    test = splits.parts.get("test", ())
    assert sorted([*held, *test]) == sorted(TWENTY)
    assert bool(test) == (len(shares) == 3)
    for fold in splits.rounds:
        learns, left_out = splits.leave_out(fold)
        assert not set(learns) & {*left_out, *test}


def test_one_fold_validates_where_not_all_are_trained(go):
    every, _ = go(SplitSettings(folds=4, every_fold=True))
    once, _ = go(SplitSettings(folds=4, fold=1), name="once")
    assert once["validation"] == every["fold1"]
    assert once["test"] == every["test"]
    assert set(once["train"]) == {case for name in ("fold0", "fold2", "fold3") for case in every[name]}


def test_of_given_folds_the_last_tests_and_the_one_before_validates(go, tmp_path):
    folds = {case: f"subset{int(patient[1:]) % 10}" for case, patient in TWENTY.items()}
    splits, _ = go(SplitSettings(fold=-1), folds=folds)
    assert splits["test"] == ("c18", "c19", "c38", "c39")
    assert splits["validation"] == ("c16", "c17", "c36", "c37")
    assert len(splits["train"]) == 32


def test_ten_given_folds_are_left_out_in_turn_and_none_tests():
    splits = named(TEN, SplitSettings(every_fold=True, folds=10))
    assert splits.rounds == tuple(f"subset{number}" for number in range(10))
    tested = named(TEN, SplitSettings(every_fold=True, test_fold="subset3"))
    assert tested["test"] == ("c3",)
    assert len(tested.rounds) == 9


def test_folds_of_given_names_test_and_validate():
    splits = named(TEN, SplitSettings(test_fold="subset0", validation_fold="subset5"))
    assert (splits["test"], splits["validation"]) == (("c0",), ("c5",))


def test_fold_10_comes_after_fold_9():
    eleven = Splits({f"fold{number}": (f"c{number}",) for number in (10, *range(10))})
    assert named(eleven, SplitSettings(fold=-1, shares=(0.8, 0.2)))["validation"] == ("c10",)


def test_splits_of_the_data_set_are_kept_and_may_name_cases_that_failed(go, tmp_path):
    given = {"train": ["c00", "c01"], "test": ["c02", "c03", "lost"]}
    (tmp_path / "data/splits.json").write_text(json.dumps(given))
    splits, warnings = go(SplitSettings(), everyone={**TWENTY, "lost": "p99"})
    assert splits.parts == {name: tuple(cases) for name, cases in given.items()}
    again, warnings = go(SplitSettings(), everyone={**TWENTY, "lost": "p99"})
    assert again == splits
    assert not warnings


def test_few_patients_all_learn_with_a_warning(go):
    splits, warnings = go(SplitSettings(), {"a": "A", "b": "B"})
    assert splits.parts == {"train": ("a", "b")}
    assert "has 2 usable patients: all of them learn and none validates or tests" in warnings[0]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        (SplitSettings(every_fold=True), "split.every_fold needs split.folds, such as 5, or folds in splits.json"),
        (SplitSettings(folds=30, every_fold=True), r"30 parts .* need as many patients"),
        (SplitSettings(folds=4, fold=4), "split.fold must be one of 0 to 3, got 4"),
    ],
)
def test_settings_that_cannot_be_dealt_are_refused(go, settings, says):
    patients = {f"c{number}": f"p{number}" for number in range(20)}
    with pytest.raises(LesionkitError, match=says):
        go(settings, patients)


@pytest.mark.parametrize(
    ("parts", "settings", "says"),
    [
        (
            ["train", "test"],
            SplitSettings(every_fold=True),
            "needs folds in splits.json, got .* test, train",
        ),
        (
            ["a", "b", "c"],
            SplitSettings(every_fold=True, folds=5),
            "or the folders of the data set, must have .* or 5 folds, got a, b, c",
        ),
        (["a"], SplitSettings(), "the parts train and validation, or two or more folds, got a"),
        (["a", "b", "c"], SplitSettings(test_fold="d"), "the splits have no part 'd'; they have a, b, c"),
    ],
)
def test_given_splits_that_do_not_fit_are_refused(parts, settings, says):
    with pytest.raises(LesionkitError, match=says):
        named(Splits({name: (f"case {name}",) for name in parts}), settings)


def test_somebody_must_learn():
    with pytest.raises(ValidationError, match="must be positive, 0 only for validation or test"):
        SplitSettings(shares=(0, 1))
