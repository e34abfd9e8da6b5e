import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.guest.config import read_config
from lesionkit.nets.guest.retina_settings import RetinaSettings, retina_settings


@pytest.fixture
def read(tmp_path, make_bundle):
    def read(**config):
        make_bundle(tmp_path, "b", config=config, weights="missing")
        return retina_settings(read_config(tmp_path / "b/configs/inference.json"))

    return read


def test_the_published_config_gives_what_the_defaults_say(read):
    assert read() == RetinaSettings(backbone="resnet10")


def test_other_numbers_are_taken_over(read):
    operations = ["$@detector.set_box_selector_parameters(score_thresh=@least,nms_thresh=0.5)"]
    given = read(detector_ops=operations, least=0.1, size_divisible=[32, 32, 16])
    assert (given.score, given.overlap, given.per_level, given.divisible) == (0.1, 0.5, 1000, (32, 32, 16))


def transforms(axes="RAS", **scale):
    ranges = {"a_min": -1000, "a_max": 400, "b_min": -1, "b_max": 1, **scale}
    return {
        "transforms": [
            {"_target_": "Orientationd", "axcodes": axes},
            {"_target_": "Spacingd", "pixdim": "@size"},
            {"_target_": "ScaleIntensityRanged", **ranges},
        ]
    }


def test_spacing_and_intensity_are_those_of_the_transforms(read):
    given = read(preprocessing=transforms(), size=[0.5, 0.5, 1])
    assert (given.spacing_mm, given.hu, given.to) == ((0.5, 0.5, 1.0), (-1000, 400), (-1, 1))


@pytest.mark.parametrize(
    ("config", "said"),
    [
        ({"backbone": "$torchvision.models.resnet50()", "anchor_generator": None}, "'anchor_generator' must be that"),
        ({"backbone": "$monai.networks.nets.SwinUNETR()"}, "'backbone' must be that of a RetinaNet on a ResNet"),
        ({"feature_extractor": "$f(@backbone)"}, "'feature_extractor' must be that"),
        ({"feature_extractor": "$resnet_fpn_feature_extractor(@backbone,3,False,[1,2,3],None)"}, r"got \[1, 2, 3\]"),
        ({"preprocessing": transforms("LPS"), "size": [1, 1, 1]}, "must be turned to RAS .*got LPS"),
        ({"preprocessing": transforms(), "size": None}, "must say the spacing"),
        ({"preprocessing": transforms(), "size": [1, 0, 1]}, "must say the spacing"),
        ({"preprocessing": transforms(a_min="$f()"), "size": [1, 1, 1]}, "must say how HU are scaled"),
        ({"network_def": {"_target_": "RetinaNet", "num_classes": 3}}, "has one class, got 1 and 3"),
    ],
)
def test_what_is_not_run_is_refused_with_what_was_found(read, config, said):
    with pytest.raises(LesionkitError, match=said):
        read(**config)
