import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Lesion
from lesionkit.report.mined_page import MinedPlace, write_mined_page

IMAGE = ArrayImage(Grid.upright((20, 20, 20), (1, 1, 1)), np.full((20, 20, 20), -800, np.int16))
CASE = Case("ct-1", "p", IMAGE, truth=(Lesion((5.0, 5.0, 5.0), 6.0),))


def test_each_place_has_a_picture_by_what_it_is_and_the_rest_is_counted(tmp_path):
    shown = {
        "false positive": [MinedPlace("ct-1", (10.0, 10.0, 10.0), 7.0, 0.91)],
        "missed": [MinedPlace("ct-1", (5.0, 5.0, 5.0), 6.0, None, "fold0")],
        "weak": [],
    }
    page = write_mined_page(tmp_path / "m.html", shown, {"ct-1": CASE}, "Mined", {"false positive": 40, "missed": 1})
    text = page.read_text()
    assert text.count("<figure") == 2
    assert "False positives (40)" in text
    assert "The first 1 are shown; the table has all." in text
    assert "ct-1 · score 0.91 · 7.0 mm" in text
    assert "ct-1 · 6.0 mm · fold0" in text
    assert "Weak lesions (0)" in text
    assert "There are none." in text
