import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.learn.keep import Kept, read_net, write_weights
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.segmenter_settings import SegmenterSettings


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    return Segmenter(SegmenterSettings(architecture="unet", encoder="tu-test_resnet", pretrained=False))


def test_the_best_stay_best_first_and_of_equals_the_later(tmp_path, net):
    kept = Kept(tmp_path, 3)
    for epoch, figure in enumerate((0.5, 0.9, 0.7, 0.9, 0.6)):
        kept.offer(net, figure, epoch)
    assert [path.name for path in kept.best] == ["epoch-003-0.9000.pt", "epoch-001-0.9000.pt", "epoch-002-0.7000.pt"]
    assert all(path.is_file() for path in kept.best)


def test_what_fell_behind_is_deleted_only_when_asked(tmp_path, net):
    kept = Kept(tmp_path, 1)
    kept.offer(net, 0.5, 0)
    kept.offer(net, 0.6, 1)
    assert len(list(tmp_path.iterdir())) == 2
    kept.prune()
    assert list(tmp_path.iterdir()) == list(kept.best)


def test_a_process_that_does_not_write_ranks_all_the_same(tmp_path, net):
    kept = Kept(tmp_path, 1)
    kept.offer(net, 0.5, 0, write=False)
    assert kept.best == (tmp_path / "epoch-000-0.5000.pt",)
    assert not list(tmp_path.iterdir())


def test_weights_come_back_exactly(tmp_path, net):
    kept = Kept(tmp_path, 1)
    kept.offer(net, 0.5, 0)
    again = read_net(kept.best[0])
    assert not again.training
    assert again.settings == net.settings
    for name, tensor in net.state_dict().items():
        torch.testing.assert_close(again.state_dict()[name], tensor, rtol=0, atol=0)


def test_missing_weights_are_named(tmp_path):
    with pytest.raises(LesionkitError, match=r"no weights at .*nothing\.pt"):
        read_net(tmp_path / "nothing.pt")


def test_weights_that_are_not_finite_are_neither_written_nor_read(tmp_path, net):
    path = tmp_path / "a.pt"
    write_weights(path, net)
    spoilt = torch.load(path, weights_only=True)
    next(iter(spoilt["state"].values()))[:] = float("nan")
    torch.save(spoilt, path)
    with pytest.raises(LesionkitError, match="cannot be read as a model"):
        read_net(path)
    broken = Segmenter(net.settings)
    next(broken.parameters()).data[:] = float("inf")
    with pytest.raises(LesionkitError, match="cannot be written as a model"):
        write_weights(tmp_path / "b.pt", broken)
    assert not (tmp_path / "b.pt").exists()
