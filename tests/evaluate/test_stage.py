import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.stage import pn_stage


@pytest.mark.parametrize(
    ("nodes", "stage"),
    [
        ("negative negative negative negative negative", "pN0"),
        ("itc negative negative negative negative", "pN0(i+)"),
        ("itc itc itc itc itc", "pN0(i+)"),
        ("micro negative negative negative negative", "pN1mi"),
        ("micro micro micro micro micro", "pN1mi"),
        ("macro negative negative negative negative", "pN1"),
        ("macro micro micro itc itc", "pN1"),
        ("macro micro micro micro itc", "pN2"),
        ("macro macro macro macro macro", "pN2"),
    ],
)
def test_stage_follows_from_the_nodes(nodes, stage):
    assert pn_stage(nodes.split()) == stage
    assert pn_stage(reversed(nodes.split())) == stage


def test_unknown_labels_and_no_nodes_have_no_stage():
    with pytest.raises(LesionkitError, match="nodes that are negative, itc, micro, macro, got 'Macro'"):
        pn_stage(["Macro"])
    with pytest.raises(LesionkitError, match="got no node"):
        pn_stage([])
