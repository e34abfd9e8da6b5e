import json
import math

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.document import from_document, to_document, to_tables
from lesionkit.evaluate.score import Curve, Figure, OperatingPoint, Resamples, Score

SCORE = Score(
    protocol="luna16 exact",
    rule="as the crow flies",
    figures={"cpm": Figure(0.7, 0.6, 0.8, "mean"), "undefined": Figure(math.nan)},
    counts={"scans": 3},
    curves=(
        Curve("FROC", "x", "y", np.array([0.0, 1.0]), np.array([0.5, 1.0]), np.array([np.inf, 0.1]), step=True),
        Curve("mean", "x", "y", np.array([1.0]), np.array([0.5]), np.array([np.nan]), np.zeros(1), np.ones(1)),
    ),
    operating_points=(OperatingPoint("1/8", math.inf, 0.0, 0.5),),
    subgroups=({"group": "solid", "cpm": None, "lesions": 2},),
    warnings=("odd",),
    facts={"seed": 1},
    resamples=Resamples("key", {"cpm": np.array([0.6, 0.8])}),
)


def test_a_score_comes_back_from_its_document_and_tables() -> None:
    document = json.loads(json.dumps(to_document(SCORE), allow_nan=False))
    back = from_document(document, to_tables(SCORE))
    assert back.figures["cpm"] == SCORE.figures["cpm"]
    assert math.isnan(back.figures["undefined"].value)
    assert back.operating_points == SCORE.operating_points
    assert (back.subgroups, back.warnings, back.facts) == (SCORE.subgroups, SCORE.warnings, SCORE.facts)
    for ours, theirs in zip(SCORE.curves, back.curves, strict=True):
        for name in ("x", "y", "threshold"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
        assert ours.step == theirs.step
        assert (ours.lower is None) == (theirs.lower is None)
    assert back.resamples is not None
    assert back.resamples.figures["cpm"].tolist() == [0.6, 0.8]


def test_a_document_holds_the_notice_and_what_json_can_hold() -> None:
    document = to_document(SCORE)
    assert document["notice"] == "Research use only; not a medical device."
    assert document["figures"]["undefined"]["value"] is None
    assert document["operating_points"][0]["threshold"] is None


def test_a_document_that_lost_an_entry_or_points_is_refused() -> None:
    document = to_document(SCORE)
    with pytest.raises(LesionkitError, match="the score is damaged or of another version"):
        from_document({**document, "figures": None}, to_tables(SCORE))
    tables = to_tables(SCORE)
    with pytest.raises(LesionkitError, match="curve 'FROC' has 1 points instead of 2"):
        from_document(document, {**tables, "curve": tables["curve"].iloc[1:]})
