import json

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.trace import Polygon, trace
from lesionkit.write.geojson import Feature, write_geojson


def ring_of_tumour():
    mask = np.ones((3, 3), bool)
    mask[1, 1] = False
    return trace(mask)[0].scaled(32)


def test_a_region_becomes_a_polygon_with_its_hole_in_pixels_of_the_finest_level(tmp_path):
    feature = Feature(ring_of_tumour(), {"score": 0.93}, name="1")
    held = json.loads(write_geojson(tmp_path / "a.geojson", [feature]).read_text())
    assert held["type"] == "FeatureCollection"
    (found,) = held["features"]
    assert found["geometry"] == {
        "type": "Polygon",
        "coordinates": [
            [[0, 0], [96, 0], [96, 96], [0, 96], [0, 0]],
            [[32, 32], [32, 64], [64, 64], [64, 32], [32, 32]],
        ],
    }
    assert found["properties"] == {
        "objectType": "annotation",
        "classification": {"name": "Tumor", "color": [200, 0, 0]},
        "measurements": {"score": 0.93},
        "name": "1",
    }


def test_outer_rings_are_counter_clockwise_and_holes_clockwise_as_the_standard_asks(tmp_path):
    held = json.loads(write_geojson(tmp_path / "a.geojson", [Feature(ring_of_tumour())]).read_text())
    for ring, sign in zip(held["features"][0]["geometry"]["coordinates"], (1, -1), strict=True):
        x, y = np.array(ring).T
        assert np.sign(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) == sign


def test_no_region_is_a_valid_file_and_many_come_from_a_generator(tmp_path):
    assert json.loads(write_geojson(tmp_path / "none.geojson", []).read_text())["features"] == []
    many = (Feature(ring_of_tumour(), kind="detection") for _ in range(50))
    held = json.loads(write_geojson(tmp_path / "many.geojson", many).read_text())
    assert [f["properties"]["objectType"] for f in held["features"]] == ["detection"] * 50


def test_numbers_that_json_does_not_know_are_refused_and_leave_no_file(tmp_path):
    with pytest.raises(LesionkitError, match="must be finite, got nan as 'score' of feature 2; leave it out"):
        write_geojson(tmp_path / "a.json", [Feature(ring_of_tumour()), Feature(ring_of_tumour(), {"score": np.nan})])
    broken = Polygon(np.array([[0, 0], [1, 0], [np.inf, 1]]), (), 1)
    with pytest.raises(LesionkitError, match="vertices must be finite, but those of feature 1 are not"):
        write_geojson(tmp_path / "a.json", [Feature(broken)])
    assert list(tmp_path.iterdir()) == []
