from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lesionkit.read.chest_rows import ImageRow
from lesionkit.recipes.xray.data import ImageSet
from lesionkit.recipes.xray.folds import FoldSearch, begin_training, best_folds, rule_side
from lesionkit.recipes.xray.members import with_values
from lesionkit.recipes.xray.settings import SMALL, XrayPneumothorax
from lesionkit.runs.settings_file import change
from lesionkit.sample.split import Splits

ROWS = {name: ImageRow(name, name, f"{name}.png", 100, 100, encoded="-1") for name in "abc"}
TWO = (with_values(SMALL, name="a"), with_values(SMALL, name="b", folds=1))


def plan(parts, members=TWO, **changes):
    images = ImageSet(ROWS, Splits({name: tuple(ids) for name, ids in parts.items()}), (), {})
    settings = change(XrayPneumothorax(members=members), changes)
    return begin_training(None, SimpleNamespace(images=images, boxes={}), settings, {})


FOLDS = {"fold0": "a", "fold1": "b", "fold2": "", "test": "c"}


def test_a_member_is_trained_on_as_many_folds_as_it_asks_for():
    begun = plan(FOLDS)
    assert begun.folds == ("fold0", "fold1", "fold2")
    assert [[m.name for m in begun.members_of(fold)] for fold in begun.folds] == [["a", "b"], ["a"], ["a"]]


def test_only_folds_that_hold_images_out_validate():
    assert plan(FOLDS).validating == ("fold0", "fold1")
    assert plan({"train": "ab", "validation": "c"}).validating == ("",)
    assert plan({"train": "abc"}).validating == ()


def test_minutes_are_shared_by_all_trainings_of_all_rounds():
    begun = plan(FOLDS, learn={"minutes": 24}, pseudo={"rounds": 2})
    assert {m.learn.minutes for m in begun.members} == {24 / (4 * 3)}
    assert {m.learn.minutes for m in plan(FOLDS).members} == {None}


def test_the_folds_with_the_best_validation_are_chosen():
    dice = {"train fold0 a": 0.7, "train fold1 a": 0.9, "train fold2 a": 0.8}
    begun = plan(FOLDS, (with_values(SMALL, name="a", best_folds=2),))
    run = SimpleNamespace(once=lambda label, _: {"figures": {"validation/dice": dice[label]}})
    assert best_folds(replace(begun, run=run), begun.members[0]) == ("fold1", "fold2")
    everyone = plan(FOLDS, (with_values(SMALL, name="a"),))
    assert best_folds(everyone, everyone.members[0]) == ("fold0", "fold1", "fold2")


def test_rules_are_searched_at_no_more_pixels_than_are_shown():
    assert rule_side(XrayPneumothorax()) == 256
    assert rule_side(change(XrayPneumothorax(), {"rule": {"side": 64}})) == 64


@pytest.mark.parametrize("box", [None, (50, 100, 0, 50)])
def test_what_was_found_in_a_box_is_put_back_where_it_was(box):
    search = FoldSearch.__new__(FoldSearch)
    search.prepared = SimpleNamespace(boxes={"a": box})
    whole = search._pasted(ROWS["a"], np.ones((20, 20), np.float32), 20)
    expected = np.ones((20, 20), bool)
    if box is not None:
        expected[:10] = expected[:, 10:] = False
    np.testing.assert_array_equal(whole > 0.5, expected)
