from types import SimpleNamespace

import pandas as pd

from lesionkit.read.slide.set import SlideEntry
from lesionkit.recipes.ensemble import plans_of
from lesionkit.recipes.slide.case import PreparedSlide
from lesionkit.recipes.slide.data import SlideSet
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.slide.validation import Judge, Learners
from lesionkit.sample.split import Splits

TABLE = pd.DataFrame({"row": [0], "column": [0], "kind": ["normal"]})


def slide(name):
    return PreparedSlide(SlideEntry(name, name, f"{name}.tif"), None, TABLE, {"has_tumour": False})


def learners(parts):
    slides = {name: slide(name) for names in parts.values() for name in names}
    splits = Splits({part: tuple(names) for part, names in parts.items()})
    held = SlideSet(slides=slides, splits=splits, failed={}, warnings=(), count=len(slides))
    return Learners(SimpleNamespace(path=None), held, None)


def test_of_one_split_the_training_part_learns():
    shown = learners({"train": "ab", "validation": "c", "test": "d"})
    (plan,) = plans_of(SlideMetastasis())
    assert list(shown.slides(plan, "train")) == ["a", "b"]
    assert list(shown.slides(plan, "validation")) == ["c"]
    assert list(shown.all_slides) == ["a", "b"]


def test_of_folds_each_network_learns_from_all_but_its_own():
    shown = learners({"fold0": "ab", "fold1": "c", "test": "d"})
    first, second = plans_of(SlideMetastasis(), ("fold0", "fold1"))
    assert (list(shown.slides(first, "train")), list(shown.slides(first, "validation"))) == (["c"], ["a", "b"])
    assert list(shown.slides(second, "train")) == ["a", "b"]
    assert list(shown.all_slides) == ["a", "b", "c"]


def test_without_validation_slides_with_tumour_there_is_nothing_to_judge_on():
    (plan,) = plans_of(SlideMetastasis())
    assert not Judge(learners({"train": "ab", "validation": "c"}), plan, 0.0).can_judge
    assert Learners(None, None, None).slides(plan, "train") == {}
