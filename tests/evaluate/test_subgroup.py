import numpy as np
import pandas as pd
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.froc import Detections
from lesionkit.evaluate.subgroup import Subgrouping, group_labels, subgroup_rows

HOW = Subgrouping(rates=(1.0,), samples=50, seed=0)
FOUND = Detections(2, [0, 0, 1], [0.9, -np.inf, 0.8], [0, 1, 1], [0.85, 0.1, 0.05])


def test_each_kind_of_lesion_is_scored_against_the_false_positives_of_all_cases() -> None:
    solid, soft = subgroup_rows(FOUND, "texture", pd.Series(["solid", "soft", "solid"]), "lesions", HOW)[::-1]
    assert (solid["group"], solid["lesions"], solid["hits"], solid["cpm"]) == ("solid", 2, 2, 1.0)
    assert (soft["group"], soft["lesions"], soft["hits"], soft["cpm"]) == ("soft", 1, 0, 0.0)
    assert solid["cases"] == soft["cases"] == 2
    assert solid["false_positives"] == soft["false_positives"] == 3


def test_each_kind_of_case_has_its_own_false_positives_and_denominator() -> None:
    a, b = subgroup_rows(FOUND, "centre", pd.Series(["A", "B"]), "cases", HOW)
    assert (a["cases"], a["lesions"], a["false_positives"], a["cpm"]) == (1, 2, 1, 0.5)
    assert (b["cases"], b["lesions"], b["false_positives"], b["cpm"]) == (1, 1, 2, 1.0)


def test_a_subgroup_of_healthy_cases_has_no_cpm() -> None:
    found = Detections(2, [0], [0.9], [1], [0.5])
    _, healthy = subgroup_rows(found, "centre", pd.Series(["A", "B"]), "cases", HOW)
    assert (healthy["lesions"], healthy["cpm"], healthy["lower"]) == (0, None, None)
    assert healthy["false_positives"] == 1


def test_the_lesions_of_all_subgroups_together_are_all_lesions() -> None:
    rows = subgroup_rows(FOUND, "votes", pd.Series([1, 2, 3]), "lesions", HOW)
    assert [row["group"] for row in rows] == ["1", "2", "3"]
    assert sum(row["lesions"] for row in rows) == FOUND.n_lesions


def test_a_diameter_is_cut_at_the_steps_of_the_guidelines() -> None:
    labels, order = group_labels(pd.Series([3.9, 4.0, 5.9, 6.0, 7.0, 9.0, 14.9, 15.0, 40.0]), "diameter_mm")
    assert order == ("below 4", "4 to 6", "6 to 8", "8 to 15", "15 to 30", "30 or more")
    assert labels.tolist()[:4] == ["below 4", "4 to 6", "4 to 6", "6 to 8"]
    assert labels.tolist()[-2:] == ["15 to 30", "30 or more"]


def test_other_numbers_are_cut_at_their_quartiles() -> None:
    labels, order = group_labels(pd.Series(np.arange(100.0)), "malignancy")
    assert len(order) == 4
    assert [int((labels == name).sum()) for name in order] == [25, 25, 25, 25]


def test_a_missing_value_is_a_group_of_its_own() -> None:
    labels, order = group_labels(pd.Series([1.0, np.nan, 2.0]), "votes")
    assert (labels.tolist(), order) == (["1", "unknown", "2"], ("1", "2", "unknown"))
    labels, _ = group_labels(pd.Series([*np.arange(3.0, 13.0), np.nan]), "diameter_mm")
    assert labels[-1] == "unknown"


def test_a_column_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(LesionkitError, match="column votes must have one value for each of 3 lesions, got 1"):
        subgroup_rows(FOUND, "votes", pd.Series([1]), "lesions", HOW)
