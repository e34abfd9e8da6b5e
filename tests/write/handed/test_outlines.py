import json

from lesionkit.write.handed.outlines import write_geojson_of_mask, write_geojson_of_outlines


def features(path) -> list[dict]:
    return json.loads(path.read_text())["features"]


def test_a_region_has_its_hole_measurements_class_and_colour(outlined, tmp_path):
    (one,) = features(*write_geojson_of_outlines(outlined, tmp_path))
    ring, hole = one["geometry"]["coordinates"]
    assert ([24, 16] in ring, [32, 24] in hole) == (True, True)
    assert one["properties"]["measurements"]["score"] == 0.75
    assert one["properties"]["classification"] == {"name": "Tumor", "color": [200, 0, 0]}


def test_a_mask_has_a_feature_a_piece(radiograph, tmp_path):
    (one,) = features(*write_geojson_of_mask(radiograph, tmp_path))
    assert [10, 5] in one["geometry"]["coordinates"][0]
    assert one["properties"]["classification"]["name"] == "Pneumothorax"


def test_nothing_found_is_an_empty_collection(radiograph, outlined, tmp_path):
    assert features(*write_geojson_of_mask(radiograph.above(0.9), tmp_path)) == []
    assert features(*write_geojson_of_outlines(outlined.above(0.9), tmp_path)) == []
