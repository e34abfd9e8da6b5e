import numpy as np

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.report.measured_page import Drawn, write_measured_page


def test_each_nodule_has_a_picture_with_its_outline_and_its_numbers(tmp_path):
    grid = Grid.upright((1, 120, 120), (1.0, 0.7, 0.7))
    mask = np.zeros(grid.shape, bool)
    mask[0, 50:60, 55:75] = True
    image = ArrayImage(grid, np.where(mask, 40, -850).astype(np.int16))
    shown = Drawn("scan <1> · 2", image, mask, 0, 41, 14.0, "14.0 × 7.0 mm, 98 mm³; solid, 40 HU")
    page = write_measured_page(
        tmp_path / "p.html", "Nodules", [{"nodule": 2, "volume_mm3": 98.0}], [shown], {"scan": "a"}
    )
    text = page.read_text()
    assert "axial · slice 41" in text
    assert "scan &lt;1&gt; · 2" in text
    assert "14.0 × 7.0 mm, 98 mm³; solid, 40 HU" in text
    assert "Research use only" in text
    # The outline closes around the box of 20 × 10 samples: as wide as 14 mm are.
    assert text.count("<path") >= 1


def test_a_page_of_nothing_says_so(tmp_path):
    page = write_measured_page(tmp_path / "p.html", "Nodules", [], [], {})
    assert "Nothing was drawn, so there is nothing to measure." in page.read_text()
