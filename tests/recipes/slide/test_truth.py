import numpy as np
import pytest

from lesionkit.core.outline import Outline
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.recipes.slide.truth import entry_of, items_of
from lesionkit.write.camelyon import write_outline

TRIANGLE = np.array([[1, 1], [9, 1], [9, 9]], float)


def listed(path, truth=None):
    found = items_of(path, truth, SlideMetastasis())
    return {item.case_id: entry_of(item) for item in found.items}, found.notes


@pytest.fixture
def folder(tmp_path):
    for name in ("a.tif", "b.scn"):
        (tmp_path / "in" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "in" / name).write_text("")
    return tmp_path / "in"


def test_truth_may_be_a_folder_of_drawings_one_of_them_or_a_table(folder, tmp_path):
    drawing = write_outline(tmp_path / "truth" / "b.xml", Outline((TRIANGLE,)))
    (tmp_path / "truth" / "a.txt").write_text("notes of mine")
    for truth in (tmp_path / "truth", drawing):
        entries, warnings = listed(folder, truth)
        assert (entries["b"].outline, entries["a"].outline, tuple(warnings)) == (drawing, None, ())
    (tmp_path / "labels.csv").write_text("slide,label\nb.scn,tumor\n")
    entries, _ = listed(folder, tmp_path / "labels.csv")
    assert (entries["a"].label, entries["b"].label) == (None, True)


def test_a_truth_that_speaks_of_no_slide_is_said(folder, tmp_path):
    drawing = write_outline(tmp_path / "truth" / "other.xml", Outline((TRIANGLE,)))
    assert listed(folder, drawing)[1][0].endswith("other.xml says nothing of any of the 2 slides, the first 'a'")
    assert list(listed(folder)[1]) == []
