import re

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.score import Curve, Figure, Score
from lesionkit.report.notebook import html_of


def words(value) -> str:
    html = re.sub(r"<style>.*?</style>", "", str(html_of(value)), flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def line() -> Curve:
    x = np.array([0.125, 1.0, 8.0])
    return Curve("mine", "false positives per scan", "sensitivity", x, x / 8, 1 - x / 8)


def test_a_candidate_says_score_place_and_size():
    assert words(Candidate((1.0, -2.0, 3.0), 0.875, 6.0)) == (
        "Candidate score 0.875 centre (1.0, −2.0, 3.0) mm diameter 6.0 mm"
    )
    assert "leaves the scan yes" in words(Candidate((0, 0, 0), 0.1, leaves_scan=True))


def test_a_lesion_says_what_is_known_of_it():
    shown = words(Lesion((1.0, 2.0, 3.0), 0.0, lesion_id="n1", facts={"texture": "solid"}))
    assert shown == "Lesion n1, nodule centre (1.0, 2.0, 3.0) mm diameter – texture solid"


def test_a_figure_shows_its_interval_or_that_it_has_none():
    assert words(Figure(0.5, 0.25, 0.75, "4 of 8")) == "0.5000 95 % interval 0.2500 to 0.7500 of 4 of 8"
    assert words(Figure(0.5)) == "0.5000 no interval"


def test_a_curve_and_a_score_are_drawn():
    assert str(html_of(line())).count("<svg") == 1
    score = Score("toy", "a rule", {"cpm": Figure(0.5)}, {"scans": 3, "lesions": 2}, (line(),), warnings=("few scans",))
    assert "cpm 0.5000 – 3 scans, 2 lesions few scans" in words(score)
    assert str(html_of(score)).count("<svg") == 1


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float32])
def test_a_flat_image_or_mask_of_any_type_is_a_picture(dtype):
    array = np.zeros((40, 60), dtype)
    array[10:20, 30:40] = 1
    html = str(html_of(ArrayImage(Grid.upright((40, 60), (0.5, 0.5)), array)))
    assert html.count("<image") == 1
    assert 'viewBox="0 0 60 40"' in html
    assert "40 × 60" in html


def test_colours_stay_colours_and_large_images_become_small():
    slide = ArrayImage(Grid.upright((2000, 1000), (0.001, 0.001)), np.full((2000, 1000, 3), 200, np.uint8))
    html = str(html_of(Case("slide-1", "p", slide, truth=(Lesion((0.5, 1.0), 0.2, "metastasis"),))))
    assert 'viewBox="0 0 192 384"' in html
    (ring,) = re.findall(r'class="mark lesion" cx="([\d.]+)" cy="([\d.]+)"', html)
    assert np.allclose([float(v) for v in ring], (96, 192), atol=0.2)
    assert len(html) < 30_000


def test_a_chest_is_shown_from_the_front_with_its_lesions(chest):
    found = chest(((30.0, 5.0, 10.0), 14.0))
    case = Case("scan-1", "p1", found.image, (Lesion((30.0, 5.0, 10.0), 14.0),), regions={"lung": found.lung})
    html = str(html_of(case))
    assert html.count('class="picture') == 2
    assert 'class="mark lesion"' in html
    assert "known 1 lesion regions lung" in words(case)


def test_a_mask_of_a_chest_is_shown_in_three_planes(chest):
    assert str(html_of(chest().lung)).count("<image") == 3


def test_any_image_is_a_picture_whatever_room_it_is_of():
    class Chequers:
        grid = Grid.upright((8, 8), (1, 1))

        def read(self, box):
            return (np.indices((8, 8)).sum(0) % 2 == 0)[box]

    assert str(html_of(Chequers())).count("<image") == 1


def test_markup_in_a_name_is_text():
    image = ArrayImage(Grid.upright((4, 4), (1, 1)), np.zeros((4, 4), np.uint8))
    assert "&lt;b&gt;" in str(html_of(Case("<b>", "", image)))
    assert str(html_of("<b>")) == "<pre>&#39;&lt;b&gt;&#39;</pre>"
