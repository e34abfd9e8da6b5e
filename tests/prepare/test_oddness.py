from lesionkit.prepare.oddness import oddest_first

USUAL = {"lung_volume_l": 4.5, "lung_left_right_ratio": 0.88, "lung_cover_ratio": 0.17, "lung_failure": None}


def test_failures_come_first_then_the_largest_deviation():
    facts = {
        "usual": USUAL,
        "lopsided": {**USUAL, "lung_left_right_ratio": 0.2},
        "failed": {**USUAL, "lung_failure": "no air"},
        "small": {**USUAL, "lung_volume_l": 2.5},
    }
    assert oddest_first(facts) == ["failed", "lopsided", "small", "usual"]


def test_a_ratio_that_is_not_known_is_odd():
    assert oddest_first({"a": USUAL, "b": {**USUAL, "lung_left_right_ratio": None}}) == ["b", "a"]


def test_with_many_cases_odd_is_what_differs_from_the_others():
    facts = {f"child {i}": {**USUAL, "lung_volume_l": 1.5 + 0.01 * i} for i in range(12)}
    facts["adult"] = {**USUAL, "lung_volume_l": 4.5}
    assert oddest_first(facts)[0] == "adult"


def test_nothing_is_ranked_as_nothing():
    assert oddest_first({}) == []
