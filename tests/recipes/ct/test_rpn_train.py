import numpy as np

from lesionkit.learn.rpn_settings import RpnRule
from lesionkit.nets.rpn.anchors import Anchors
from lesionkit.recipes.ct.rpn_train import encode_patch
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
