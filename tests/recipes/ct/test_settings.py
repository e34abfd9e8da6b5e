import pytest
from pydantic import ValidationError

from lesionkit.recipes.ct.settings import CtNodule


def test_the_recipe_scores_by_the_exact_protocol_and_leaves_out_the_last_fold():
    settings = CtNodule()
    assert (settings.score.protocol, settings.split.fold) == ("exact", -1)


def test_without_members_the_net_stands_for_itself():
    (alone,) = CtNodule().networks
    assert (alone.name, alone.net, alone.weight) == ("net", CtNodule().net, 1.0)
    named = CtNodule.parse({"members": [{"name": "a"}, {"name": "b", "seed": 1}]})
    assert [member.name for member in named.networks] == ["a", "b"]


def test_members_whose_files_would_have_one_name_are_refused():
    with pytest.raises(ValidationError, match="members must have different names, got a b, A-b"):
        CtNodule(members=({"name": "a b"}, {"name": "A-b"}))
