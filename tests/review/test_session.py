import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.review.session import Line, Session


def test_findings_below_the_line_are_folded_where_points_are_of_findings_alone():
    assert Line(threshold=0.4, of="finding").shown_from == 0.4
    assert Line(threshold=0.4, of="image").shown_from is None


def test_an_image_that_is_not_in_the_list_is_refused():
    with pytest.raises(LesionkitError, match="there are 0 scans, got number 1"):
        Session("run", "scan", "nodule", "ann", (), None).sheet(0)
