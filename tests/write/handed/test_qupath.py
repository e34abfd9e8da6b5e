import json

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.write.handed.qupath import write_qupath_project


def test_a_project_names_every_slide_and_where_its_regions_lie(outlined, tmp_path):
    files = write_qupath_project([outlined, outlined], tmp_path / "out")
    project = json.loads(files[0].read_text())
    assert project["lastID"] == 2
    for number, entry in enumerate(project["images"], start=1):
        assert entry["entryID"] == number
        assert entry["serverBuilder"]["uri"] == outlined.path.as_uri()
        regions = tmp_path / "out" / "regions" / entry["metadata"]["regions"]
        assert len(json.loads(regions.read_text())["features"]) == 1
    # Java's ARGB of (200, 0, 0) as a signed number.
    classes = json.loads((tmp_path / "out" / "classifiers" / "classes.json").read_text())
    assert classes["pathClasses"] == [{"name": "Tumor", "color": -3670016}]


def test_a_slide_that_is_gone_is_refused(outlined, tmp_path):
    outlined.path.unlink()
    with pytest.raises(LesionkitError, match="a project refers to its slides, but this one is gone"):
        write_qupath_project([outlined], tmp_path / "out")
