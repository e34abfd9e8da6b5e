import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.decide import RULES, ClassifyThenSegment, HeadAndArea
from lesionkit.recipes.xray.rules import GRIDS, candidates


def test_without_a_search_the_published_rule_alone_is_taken():
    assert candidates("none", "4th", has_head=False) == (RULES["4th"],)


@pytest.mark.parametrize("name", ["classify then segment", "head and area"])
def test_a_rule_that_asks_an_image_head_is_refused_without_one(name):
    assert candidates(name, "plain", has_head=True) == GRIDS[name]
    with pytest.raises(LesionkitError, match=f"the rule '{name}' needs a network whose image head"):
        candidates(name, "plain", has_head=False)


def test_all_rules_are_those_that_the_networks_can_answer():
    kinds = {type(rule) for rule in candidates("all", "plain", has_head=False)}
    assert not kinds & {ClassifyThenSegment, HeadAndArea}
    assert len(candidates("all", "plain", has_head=True)) == sum(map(len, GRIDS.values()))


def test_no_rule_is_tried_twice_in_a_search():
    for name, rules in GRIDS.items():
        if name != "triplet":
            assert len(set(map(repr, rules))) == len(rules)
