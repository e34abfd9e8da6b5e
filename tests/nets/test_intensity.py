import torch

from lesionkit.nets.intensity import scale_hu


def test_air_is_minus_one_and_dense_bone_is_one():
    assert scale_hu(torch.tensor([-3024.0, -1024.0, -274.0, 476.0, 3000.0])).tolist() == [-1, -1, 0, 1, 1]
