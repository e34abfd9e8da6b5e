import json

from tests.write.handed.conftest import balls
from tests.write.handed.test_seg import NODULE, SMALL

from lesionkit.write.handed.markups import write_markups_of_balls


def markup(path) -> dict:
    (one,) = json.loads(path.read_text())["markups"]
    return one


def test_points_and_boxes_say_that_they_are_lps(upright, tmp_path):
    points, first, second = map(markup, write_markups_of_balls(balls(upright, NODULE, SMALL), tmp_path))
    assert [one["coordinateSystem"] for one in (points, first, second)] == ["LPS"] * 3
    assert [point["position"] for point in points["controlPoints"]] == [[8.0, 7.0, 10.0], [2.4, 12.6, 17.5]]
    assert points["controlPoints"][0]["description"] == "score 0.9, diameter 6.0 mm"
    assert (first["type"], first["center"], first["size"]) == ("ROI", [8.0, 7.0, 10.0], [6.0, 6.0, 6.0])
    assert second["size"] == [5.0, 5.0, 5.0]


def test_nothing_found_is_a_list_without_points(upright, tmp_path):
    (path,) = write_markups_of_balls(balls(upright), tmp_path)
    assert markup(path)["controlPoints"] == []
