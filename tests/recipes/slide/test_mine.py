import numpy as np
import pandas as pd

from lesionkit.recipes.slide.case import PreparedSlide
from lesionkit.recipes.slide.mine import _normal


def slide(kinds):
    rows = range(len(kinds))
    return PreparedSlide(None, None, pd.DataFrame({"row": rows, "column": rows, "kind": kinds}), {})


SLIDES = {"a": slide(["normal"] * 8 + ["tumour"] * 2), "b": slide(["tumour", "normal", "boundary"])}


def test_only_normal_patches_are_asked_and_of_one_slide_at_most_so_many():
    rows = _normal(SLIDES, 3, np.random.default_rng(0))
    assert rows["slide"].tolist() == ["a", "a", "a", "b"]
    assert set(rows["kind"]) == {"normal"}
    assert rows[rows["slide"] == "a"]["row"].is_monotonic_increasing


def test_another_round_asks_others():
    asked = {tuple(_normal(SLIDES, 3, np.random.default_rng([0, number]))["row"]) for number in range(5)}
    assert len(asked) > 1
