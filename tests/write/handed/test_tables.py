import contextlib
import io

import numpy as np
import pytest
from tests.write.handed.conftest import balls
from tests.write.handed.test_seg import NODULE, SMALL

from lesionkit.write.handed.tables import write_coco_of_masks, write_coco_of_outlines, write_luna16


def coco_of(path):
    tools = pytest.importorskip("pycocotools.coco")
    with contextlib.redirect_stdout(io.StringIO()):
        return tools.COCO(str(path))


def test_the_submission_of_luna16_has_a_row_a_finding(upright, tmp_path):
    (path,) = write_luna16([balls(upright, NODULE, SMALL)], tmp_path)
    assert path.read_text().splitlines() == [
        "seriesuid,coordX,coordY,coordZ,probability",
        "1.2.840.99,8.0,7.0,10.0,0.9",
        "1.2.840.99,2.4,12.6,17.5,0.4",
    ]


# pycocotools is older than numpy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_gives_the_mask_of_a_radiograph_back(radiograph, tmp_path):
    coco = coco_of(*write_coco_of_masks([radiograph], tmp_path))
    (annotation,) = coco.loadAnns(coco.getAnnIds())
    assert np.array_equal(coco.annToMask(annotation) > 0, radiograph.mask())
    assert (annotation["bbox"], annotation["area"], annotation["score"]) == ([10, 5, 4, 3], 12, 0.75)


def test_coco_has_regions_in_pixels_of_the_slide(outlined, tmp_path):
    coco = coco_of(*write_coco_of_outlines([outlined], tmp_path))
    (annotation,) = coco.loadAnns(coco.getAnnIds())
    # Cells of 8 pixels; the region has 4 x 6 of them less one.
    assert annotation["bbox"] == [24.0, 16.0, 48.0, 32.0]
    assert annotation["area"] == 23 * 64
    assert (coco.imgs[1]["width"], coco.imgs[1]["height"]) == (96, 64)


def test_nothing_found_is_a_file_of_images_without_annotations(radiograph, tmp_path):
    coco = coco_of(*write_coco_of_masks([radiograph.above(0.9)], tmp_path))
    assert (len(coco.imgs), coco.getAnnIds()) == (1, [])
