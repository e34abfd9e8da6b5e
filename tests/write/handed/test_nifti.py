import nibabel
import numpy as np
from tests.write.handed.conftest import balls
from tests.write.handed.test_seg import NODULE, SMALL

from lesionkit.core.lesion import Candidate
from lesionkit.write.handed.nifti import write_nifti_of_balls


def test_labels_lie_where_the_findings_are_in_the_world_of_nifti(upright, tmp_path):
    labels, mask, table = write_nifti_of_balls(balls(upright, NODULE, SMALL), tmp_path)
    image = nibabel.load(labels)
    data = np.asarray(image.dataobj)
    for number, ball in ((1, NODULE), (2, SMALL)):
        middle = image.affine @ [*np.argwhere(data == number).mean(axis=0), 1]
        # RAS: x and y run against LPS.
        error = np.abs(middle[:3] * [-1, -1, 1] - ball.centre_mm)
        assert (error < np.array([0.8, 0.7, 2.5]) / 2).all()
    assert np.array_equal(np.asarray(nibabel.load(mask).dataobj) > 0, data > 0)
    assert table.read_text().splitlines()[1] == "1,8.0000,7.0000,10.0000,6.000,0.9"
    assert table.read_text().splitlines()[2].endswith(",,0.4")


def test_nothing_found_makes_volumes_of_nothing(upright, tmp_path):
    labels, _, table = write_nifti_of_balls(balls(upright), tmp_path)
    assert not np.asarray(nibabel.load(labels).dataobj).any()
    assert len(table.read_text().splitlines()) == 1


def test_a_number_is_kept_beyond_255(upright, tmp_path):
    many = [Candidate((2.0 + (i % 20) * 0.5, 2.0 + (i // 20) * 0.8, 10.0), 0.5, 0.1) for i in range(260)]
    labels, *_ = write_nifti_of_balls(balls(upright, *many), tmp_path)
    assert np.asarray(nibabel.load(labels).dataobj).max() > 255
