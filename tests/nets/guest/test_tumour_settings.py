import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.guest.card import inference_config, read_metadata
from lesionkit.nets.guest.tumour_settings import TumourSettings, tumour_settings


@pytest.fixture
def read(tmp_path, make_bundle):
    def read(network=None, **config):
        net = {"_target_": "TorchVisionFCModel", "model_name": "resnet18", "num_classes": 1, "use_conv": True}
        made = {"network_def": {**net, **(network or {})}, **config}
        make_bundle(tmp_path, "b", of="tumour", config=made, weights="missing")
        return tumour_settings(inference_config(tmp_path / "b"), read_metadata(tmp_path / "b"))

    return read


def test_the_published_config_gives_what_the_defaults_say(read):
    assert read() == TumourSettings()
    assert read(patch_size=[256, 256], network={"model_name": "resnet34"}) == TumourSettings(
        encoder="resnet34", patch=256
    )


@pytest.mark.parametrize(
    ("network", "config", "said"),
    [
        ({"model_name": "inception_v3"}, {}, "must be a ResNet with one output and use_conv, got inception_v3"),
        ({"num_classes": 2}, {}, "got resnet18, 2 and True"),
        ({"use_conv": False}, {}, "got resnet18, 1 and False"),
        ({"pool": ["max", {"kernel_size": 7, "stride": 1}]}, {}, "the pool must be a mean of stride 1"),
        ({}, {"preprocessing": {"_target_": "Compose"}}, "colours of 0 to 255 must become -1 to 1"),
    ],
)
def test_what_is_not_run_is_refused_with_what_was_found(read, network, config, said):
    with pytest.raises(LesionkitError, match=said):
        read(network, **config)
