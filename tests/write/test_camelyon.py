import math

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.outline import Outline
from lesionkit.read.truth.camelyon import read_lesion_annotations, read_mark_folder, read_slide_scores
from lesionkit.write.camelyon import write_marks, write_outline, write_slide_scores

RING = np.array([[100.5, 200], [300, 200.25], [300, 400]])
HOLE = np.array([[200.0, 250], [210, 250], [210, 260]])


def test_outlines_come_back_from_asap_xml_with_their_holes(tmp_path):
    path = write_outline(tmp_path / "tumor_001.xml", Outline((RING, RING + 1000), (HOLE,)))
    back = read_lesion_annotations(path)["tumor_001"]
    for mine, theirs in zip((RING, RING + 1000, HOLE), (*back.rings, *back.holes), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_a_healthy_slide_has_a_file_without_annotations(tmp_path):
    path = write_outline(tmp_path / "normal_001.xml", Outline())
    assert not read_lesion_annotations(path)["normal_001"].has_tumour


def test_marks_come_back_and_a_slide_without_marks_keeps_its_file(tmp_path):
    paths = write_marks(tmp_path, {"test_001": [(0.9, 12345.5, 100_000), (0.25, 0, 7)], "test_002": []})
    assert paths[0].read_text() == "0.9,12345.5,100000\n0.25,0,7\n"
    back = read_mark_folder(tmp_path)
    assert back["test_001"].tolist() == [[0.9, 12345.5, 100_000], [0.25, 0, 7]]
    assert len(back["test_002"]) == 0


def test_a_column_says_which_slides_are_held_to_be_positive(tmp_path):
    path = write_slide_scores(tmp_path / "scores.csv", {"a": 0.9, "b": 0.1}, {"a": "1", "b": "0"})
    assert path.read_text().splitlines() == ["slide,score,decided", "a,0.9,1", "b,0.1,0"]
    assert read_slide_scores(path) == {"a": 0.9, "b": 0.1}


def test_slide_scores_come_back(tmp_path):
    scores = {"test_001": 0.75, "a, with a comma": 0.0}
    assert read_slide_scores(write_slide_scores(tmp_path / "scores.csv", scores)) == scores


@pytest.mark.parametrize("mark", [(math.nan, 1, 1), (0.5, -1, 1), (0.5, 1, math.inf)])
def test_marks_off_the_slide_are_refused(tmp_path, mark):
    with pytest.raises(LesionkitError, match="a mark is a finite probability and pixels x and y on the slide, got"):
        write_marks(tmp_path, {"a": [mark]})


def test_names_like_paths_and_scores_that_are_no_number_are_refused(tmp_path):
    with pytest.raises(LesionkitError, match="becomes the name of its file, got 'b/a'"):
        write_marks(tmp_path, {"b/a": []})
    with pytest.raises(LesionkitError, match="the score of a slide must be finite, got inf for 'a'"):
        write_slide_scores(tmp_path / "scores.csv", {"a": math.inf})
