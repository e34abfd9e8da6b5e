import numpy as np
import pandas as pd
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.sample.mine_slide import MineSettings, hard_negatives, with_hard


def table(*kinds, slide="a"):
    count = len(kinds)
    return pd.DataFrame({"slide": slide, "row": range(count), "column": 0, "kind": kinds})


def test_only_normal_patches_are_hard_the_highest_first():
    rows = table("normal", "tumour", "boundary", "normal", "normal")
    hard = hard_negatives(rows, [0.3, 0.99, 0.98, 0.9, 0.1])
    assert hard["row"].tolist() == [3, 0]
    assert hard["score"].tolist() == [0.9, 0.3]
    assert set(hard["source"]) == {"hard"}


def test_a_patch_with_the_least_score_itself_is_hard():
    assert hard_negatives(table("normal", "normal"), [0.5, 0.4999], MineSettings(min_score=0.5))["row"].tolist() == [0]


def test_one_slide_does_not_fill_the_list():
    rows = pd.concat([table(*["normal"] * 10), table("normal", slide="b")])
    hard = hard_negatives(rows, [*np.linspace(0.8, 0.9, 10), 0.5], MineSettings(per_slide=2))
    assert list(zip(hard["slide"], hard["row"], strict=True)) == [("a", 9), ("a", 8), ("b", 0)]


def test_a_patch_without_a_score_is_easy():
    assert hard_negatives(table("normal", "normal"), [np.nan, 0.5])["row"].tolist() == [1]


def test_hard_patches_take_the_place_of_normal_ones_and_the_tumour_stays():
    drawn = table(*["tumour"] * 4, *["normal"] * 12).assign(source="negative")
    hard = hard_negatives(table(*["normal"] * 20, slide="h"), np.full(20, 0.9))
    mixed = with_hard(drawn, hard, MineSettings(share=0.25), np.random.default_rng(0))
    assert len(mixed) == 16
    assert (mixed["kind"] == "tumour").sum() == 4
    assert (mixed["source"] == "hard").sum() == 3
    assert mixed.columns.tolist() == drawn.columns.tolist()
    assert not mixed.duplicated(["slide", "row", "column"]).any()


def test_with_few_hard_patches_few_are_replaced_and_with_none_nothing():
    drawn = table(*["normal"] * 12).assign(source="negative")
    hard = hard_negatives(table("normal", slide="h"), [0.9])
    mixed = with_hard(drawn, hard, MineSettings(share=0.5), np.random.default_rng(0))
    assert mixed["slide"].value_counts().to_dict() == {"a": 11, "h": 1}
    assert with_hard(drawn, hard.iloc[:0], MineSettings(), np.random.default_rng(0)) is drawn


def test_scores_that_do_not_fit_are_refused():
    with pytest.raises(LesionkitError, match="2 patches need as many scores"):
        hard_negatives(table("normal", "normal"), [0.5])
    with pytest.raises(LesionkitError, match=r"must lie in 0\.\.1, got 0\.5 to 3"):
        hard_negatives(table("normal", "normal"), [0.5, 3])
