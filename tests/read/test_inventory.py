import shutil

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.inventory import tell


def truth_of(told):
    return {path.name: words for (path, _), words in told.truth.items()}


def test_scans_have_the_lesions_that_tables_beside_them_name(chests):
    told = tell(chests)
    assert sorted(truth_of(told).values()) == ["2 lesions"] * 4 + ["healthy"] * 2
    assert [source.name for source in told.sources] == ["annotations.csv"]
    assert not told.failed


def test_radiographs_have_the_masks_that_a_table_names(radiographs):
    told = tell(radiographs)
    known = truth_of(told)
    assert known["x00.dcm"] == "mask"
    assert known["x01.dcm"] == "healthy"
    assert len(told.cases) == 18


def test_slides_have_their_labels_and_where_tumour_is_drawn(slides):
    known = truth_of(tell(slides))
    assert known["a.tif"] == "tumour, drawn in a.png"
    assert known["h.tif"] == "normal"
    assert truth_of(tell(slides / "slides" / "a.tif")) == {"a.tif": "tumour, drawn in a.png"}


def test_truth_that_cannot_be_used_is_a_problem_and_not_the_end(slides, tmp_path):
    shutil.copytree(slides, tmp_path / "data")
    (tmp_path / "data" / "labels.csv").write_text("slide,label\na,perhaps\n")
    told = tell(tmp_path / "data")
    assert len(told.cases) == 8
    assert len(told.problems) == 1
    assert "perhaps" in told.problems[0]


def test_a_run_folder_is_no_image(xray_run):
    with pytest.raises(LesionkitError, match="is a run folder, not images; 'lesionkit status"):
        tell(xray_run)
