import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.detect import NoduleDetector
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.detectors import load_detector

SETTINGS = InferSettings(precision="fp32")


def test_our_weights_make_our_detector(model):
    assert isinstance(load_detector(model, SETTINGS), NoduleDetector)


def test_a_bundle_makes_a_retinanet_of_its_settings(tmp_path, make_bundle):
    make_bundle(tmp_path, "b")
    detector = load_detector(tmp_path / "b/models/model.pt", SETTINGS)
    assert (type(detector).__name__, detector.given.score) == ("RetinaDetector", 0.02)


def test_a_model_for_slides_is_refused(tmp_path, make_bundle):
    make_bundle(tmp_path, "b", of="tumour")
    with pytest.raises(LesionkitError, match="must be a model for CT, got one for slides"):
        load_detector(tmp_path / "b/models/model.pt", SETTINGS)
