import numpy as np

from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.place_errors import error_columns, errors_told, lesion_errors

KNOWN = {"a": [Lesion((0.0, 0.0, 0.0), 10.0), Lesion((50.0, 0.0, 0.0), 10.0)], "b": []}
FOUND = {
    "a": [
        Candidate((1.0, 2.0, -1.0), 0.9, 12.0),
        Candidate((0.0, 0.0, 0.0), 0.5, 10.0),
        Candidate((90.0, 0.0, 0.0), 0.8),
    ],
    "b": [Candidate((0.0, 0.0, 0.0), 0.9)],
}


def test_a_lesion_is_beside_the_strongest_finding_that_hits_it_and_a_missed_one_beside_none():
    hit, missed = lesion_errors(KNOWN, FOUND)
    assert hit.place_mm.tolist() == [1.0, 2.0, -1.0]
    assert hit.diameter_mm == 2.0
    assert missed.found is None
    assert np.isnan(missed.place_mm).all()
    assert np.isnan(missed.diameter_mm)


def test_a_row_says_where_the_lesion_is_and_how_the_finding_differs():
    hit, missed = map(error_columns, lesion_errors(KNOWN, FOUND))
    assert hit == {
        **{"seriesuid": "a", "coordX": 0.0, "coordY": 0.0, "coordZ": 0.0, "diameter_mm": 10.0},
        **{"error_x_mm": 1.0, "error_y_mm": 2.0, "error_z_mm": -1.0, "error_diameter_mm": 2.0, "probability": 0.9},
    }
    assert [missed[name] for name in ("error_x_mm", "error_diameter_mm", "probability")] == ["", "", ""]


def test_bias_and_spread_are_told_of_what_was_found_with_how_many_that_is():
    assert errors_told(lesion_errors(KNOWN, FOUND)) == {
        "x": "+1.00 ± 0.00 mm of 1",
        "y": "+2.00 ± 0.00 mm of 1",
        "z": "−1.00 ± 0.00 mm of 1",
        "diameter": "+2.00 ± 0.00 mm of 1",
    }
    assert errors_told([]) == {}


def test_an_unknown_diameter_has_no_error():
    (row,) = lesion_errors({"a": [Lesion((0.0, 0.0, 0.0), 0.0)]}, {"a": [Candidate((1.0, 0.0, 0.0), 0.9, 4.0)]})
    assert row.found is not None
    assert error_columns(row)["error_diameter_mm"] == error_columns(row)["diameter_mm"] == ""
