import torch
from monai.networks.nets.resnet import resnet10

from lesionkit.nets.guest.retina import RetinaBoxes, make_retina
from lesionkit.nets.guest.retina_settings import RetinaSettings


def test_the_network_is_the_one_that_the_config_would_build():
    from monai.apps.detection.networks.retinanet_network import RetinaNet, resnet_fpn_feature_extractor

    with torch.device("meta"):
        backbone = resnet10(spatial_dims=3, n_input_channels=1, conv1_t_stride=[2, 2, 1], conv1_t_size=[7, 7, 7])
        extractor = resnet_fpn_feature_extractor(backbone, 3, False, [1, 2], None)
        theirs = RetinaNet(3, 1, 3, extractor, [16, 16, 8]).state_dict()
        ours = make_retina(RetinaSettings(backbone="resnet10")).state_dict()
    assert {name: value.shape for name, value in ours.items()} == {name: value.shape for name, value in theirs.items()}


def test_a_cell_without_a_shift_is_its_anchor():
    boxes = RetinaBoxes(RetinaSettings())
    cells, anchor = torch.tensor([[1, 0, 3]]), torch.tensor([0])
    # The middle of the cell, 4 · 1 + 2, 2, 2 · 3 + 1, less and more half of 6, 8 and 4.
    assert boxes.decode(0, cells, anchor, torch.zeros(1, 6), (4, 4, 2)).tolist() == [[3, -2, 5, 9, 6, 9]]


def test_boxes_are_cut_at_the_image_and_of_overlapping_ones_the_stronger_stays():
    boxes = RetinaBoxes(RetinaSettings())
    given = torch.tensor([[-2.0, 0, 0, 6, 6, 6], [0, 0, 0, 6, 6, 6], [20, 20, 20, 24, 24, 24]])
    found, scores = boxes.chosen([given], [torch.tensor([2.0, 1.0, -9.0])], (30, 30, 30))
    assert found.tolist() == [[0, 0, 0, 6, 6, 6]]
    assert round(float(scores[0]), 4) == 0.8808
