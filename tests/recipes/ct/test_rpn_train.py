from types import SimpleNamespace

import numpy as np

from lesionkit.core.lesion import Lesion
from lesionkit.learn.rpn_settings import RpnRule
from lesionkit.nets.rpn.anchors import Anchors
from lesionkit.recipes.ct.rpn_train import encode_patch, tell_of_large
from lesionkit.sample.patch import Patch


def test_a_patch_becomes_labels_boxes_and_places():
    frame = np.column_stack([np.eye(3) / 100, np.full(3, -0.5)])
    patch = Patch(
        np.zeros((32, 32, 32), np.float32), np.array([[13.5, 13.5, 13.5, 9.0]]), np.zeros((0, 4)), frame=frame
    )
    arrays = encode_patch(patch, Anchors(), RpnRule())
    assert {name: array.shape for name, array in arrays.items()} == {
        "location": (3, 8, 8, 8),
        "label": (3, 8, 8, 8),
        "box": (3, 4, 8, 8, 8),
    }
    assert arrays["label"][0, 3, 3, 3] == 1
    np.testing.assert_allclose(arrays["location"][:, 3, 0, 7], [13.5 / 100 - 0.5, 1.5 / 100 - 0.5, 29.5 / 100 - 0.5])


def test_lesions_that_no_crop_can_hold_are_told():
    said = []
    run = SimpleNamespace(warn=said.append)
    cases = [SimpleNamespace(truth=(Lesion((0, 0, 0), 40.0), Lesion((9, 9, 9), 8.0))), SimpleNamespace(truth=None)]
    tell_of_large(run, cases, 64)
    assert said == []
    tell_of_large(run, cases, 32)
    assert said == ["1 lesion(s) are larger than a crop of 32 mm and are not learned; a larger sample.patch holds them"]
