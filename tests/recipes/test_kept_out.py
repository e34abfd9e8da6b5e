from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.recipes.base import Item
from lesionkit.recipes.kept_out import kept_out, refuse_nothing_kept_out, validating
from lesionkit.runs.run_folder import open_run
from lesionkit.sample.split import Splits

MODEL = Path("model.safetensors")
ITEMS = {name: Item(name, Path(name)) for name in "abcd"}


@pytest.fixture
def run(tmp_path):
    with open_run(tmp_path / "r", "toy", Settings(), {}) as opened:
        yield opened


def planned(run, parts, **more):
    told, plan = kept_out(run, ITEMS, Splits({k: tuple(v) for k, v in parts.items()}), "scan", MODEL, **more)
    return told, [(item.case_id, model) for item, model in plan]


def test_the_test_part_is_scored_without_a_word(run):
    told, plan = planned(run, {"train": "a", "validation": "b", "test": "cd"})
    assert (told, plan) == ("2 scans of the test part", [("c", MODEL), ("d", MODEL)])
    assert run.warnings == ()


def test_without_a_test_part_the_validation_part_is_scored_and_that_is_said(run):
    assert planned(run, {"train": "a", "validation": "b"})[0] == "1 scan of the validation part"
    assert "on which thresholds were tuned" in run.warnings[0]


def test_what_was_learned_from_is_never_scored(run):
    assert planned(run, {"train": "ab"}) == ("", [])
    (run.path / "splits.json").write_text('{"train": ["a", "b"]}')
    with pytest.raises(LesionkitError, match="a run scores scans that are kept out of training, but all of data learn"):
        refuse_nothing_kept_out(run, Path("data"), "scan")


def test_images_that_cannot_be_used_are_left_out(run):
    assert planned(run, {"test": "cz"})[1] == [("c", MODEL)]
    assert planned(run, {"test": "z"}) == ("", [])


def test_each_image_of_folds_is_searched_by_those_that_have_not_learned_from_it(run):
    told, plan = planned(run, {"fold0": "ab", "fold1": "cz"}, unseen={"fold0": "net 0", "fold1": "net 1"})
    assert (told, plan) == ("3 scans of 2 folds", [("a", "net 0"), ("b", "net 0"), ("c", "net 1")])
    assert "each searched by the networks that have not learned from it" in run.warnings[0]


def test_a_test_part_beside_folds_is_searched_by_all(run):
    told, plan = planned(run, {"fold0": "a", "fold1": "b", "test": "c"}, unseen={"fold0": 0, "fold1": 1})
    assert (told, plan) == ("1 scan of the test part", [("c", MODEL)])


def test_points_are_set_on_what_validates_or_on_each_fold_by_those_who_have_not_learned_from_it():
    split = Splits({"train": ("a",), "validation": ("b", "gone"), "test": ("c",)})
    told, plan = validating(ITEMS, split, "scan", MODEL)
    assert (told, [(item.case_id, model) for item, model in plan]) == ("1 scan of the validation part", [("b", MODEL)])
    folds = Splits({"f0": ("a", "b"), "f1": ("c",), "test": ("d",)})
    told, plan = validating(ITEMS, folds, "scan", MODEL, {"f0": "net 0", "f1": "net 1"})
    assert told == "3 scans of 2 folds"
    assert [(item.case_id, nets) for item, nets in plan] == [("a", "net 0"), ("b", "net 0"), ("c", "net 1")]
    assert validating(ITEMS, Splits({"train": ("a",)}), "scan", MODEL)[1] == []
