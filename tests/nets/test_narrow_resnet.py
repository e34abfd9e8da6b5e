import torch
from timm.models.resnet import BasicBlock, ResNet

from lesionkit.nets.narrow_resnet import WIDTHS, NarrowResNet


def timm_s() -> torch.nn.Module:
    return ResNet(BasicBlock, (2, 2, 2, 2), in_chans=1, channels=WIDTHS, stem_type="deep", stem_width=16, num_classes=0)


def test_it_has_timm_s_names_and_starts_from_timm_s_random_numbers():
    torch.manual_seed(0)
    theirs = timm_s().state_dict()
    torch.manual_seed(0)
    ours = NarrowResNet(1).net.state_dict()
    assert list(ours) == list(theirs)
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_it_computes_what_timm_s_computes():
    theirs, ours = timm_s(), NarrowResNet(1)
    for parameter in theirs.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    ours.net.load_state_dict(theirs.state_dict())
    image = torch.rand(2, 1, 64, 96)
    maps = ours.train()(image)
    assert [tuple(m.shape) for m in maps[1:]] == [
        (2, n, 64 // s, 96 // s) for n, s in zip((32, *WIDTHS), (2, 4, 8, 16, 32), strict=True)
    ]
    torch.testing.assert_close(maps[-1], theirs.train().forward_features(image))
