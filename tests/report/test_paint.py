import numpy as np
from PIL import Image as Pillow

from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.report.crops import crops
from lesionkit.report.paint import overview_picture, paint
from lesionkit.report.scene import Scene

BALL = ((30.0, 5.0, 10.0), 14.0)
YELLOW = np.array([255, 207, 51])


def yellow(picture) -> tuple[np.ndarray, np.ndarray]:
    return np.nonzero((np.asarray(picture, dtype=int) == YELLOW).all(axis=-1))


def test_painted_ticks_surround_the_lesion_and_leave_it_visible(chest):
    case = chest(BALL)
    picture = crops(Scene.of(case.image, case.lung), Candidate(BALL[0], 0.9, BALL[1]))[0]
    rows, columns = yellow(paint(picture, 576))
    assert abs(columns.mean() - 288) < 2
    assert abs(rows.mean() - 288) < 2
    radius = BALL[1] / 2 / picture.mm_per_pixel * 2  # painted twice as large
    assert np.hypot(rows - 288, columns - 288).min() > radius


def test_the_banner_shows_the_overview_and_the_first_three_crops(chest, tmp_path, two_candidates):
    case = chest(BALL, candidates=two_candidates * 2, truth=(Lesion(*BALL),))
    with Pillow.open(overview_picture(case, tmp_path / "banner.png", height=320)) as banner:
        assert banner.format == "PNG"
        assert banner.height == 320
        rows, columns = yellow(banner)
    crops_from = columns.max() - 100
    assert {int(row * 3 // 320) for row in rows[columns > crops_from]} == {0, 1, 2}


def test_without_candidates_the_banner_is_the_overview(chest, tmp_path):
    with Pillow.open(overview_picture(chest(), tmp_path / "banner.png", height=200)) as banner:
        assert len(yellow(banner)[0]) == 0
