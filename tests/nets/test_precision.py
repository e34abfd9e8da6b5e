import json

import pytest
import torch

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.dense_settings import DenseSettings
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.segment_settings import SegmentInferSettings
from lesionkit.learn.detection_settings import LearnSettings
from lesionkit.learn.patches_settings import PatchLearnSettings
from lesionkit.learn.segmentation_settings import SegmentationLearnSettings
from lesionkit.nets import precision as subject

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _fresh(tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    subject._of_this_processor.cache_clear()
    yield
    subject._of_this_processor.cache_clear()


@pytest.fixture
def _slow_bf16(monkeypatch):
    """A processor that emulates bf16 and takes 24 times as long."""
    monkeypatch.setattr(subject, "_seconds", lambda _layer, x: 24.0 if x.dtype == torch.bfloat16 else 1.0)


@pytest.mark.parametrize(("bf16", "chosen"), [(0.5, "bf16"), (0.9, "bf16"), (0.95, "fp32"), (24.0, "fp32")])
def test_auto_takes_bf16_where_it_is_measured_to_be_clearly_faster(monkeypatch, bf16, chosen):
    monkeypatch.setattr(subject, "_seconds", lambda _layer, x: bf16 if x.dtype == torch.bfloat16 else 1.0)
    assert subject.pick_precision("auto", CPU) == chosen


@pytest.mark.usefixtures("_slow_bf16")
def test_a_machine_is_measured_once_and_remembered_in_a_file(tmp_path, monkeypatch):
    assert subject.pick_precision("auto", CPU) == "fp32"
    assert list(json.loads((tmp_path / "cache" / "precision.json").read_text()).values()) == ["fp32"]
    subject._of_this_processor.cache_clear()
    monkeypatch.setattr(subject, "measured_precision", lambda: pytest.fail("measured again"))
    assert subject.pick_precision("auto", CPU) == "fp32"


def test_another_processor_is_measured_anew_and_both_are_remembered(tmp_path, monkeypatch):
    for name, answer in (("one", "bf16"), ("other", "fp32")):
        monkeypatch.setattr(subject, "_machine", lambda name=name: name)
        monkeypatch.setattr(subject, "measured_precision", lambda answer=answer: answer)
        subject._of_this_processor.cache_clear()
        assert subject.pick_precision("auto", CPU) == answer
    assert json.loads((tmp_path / "cache" / "precision.json").read_text()) == {"one": "bf16", "other": "fp32"}


@pytest.mark.parametrize("text", ["", "[]", '{"one": "bf17"}'])
def test_a_damaged_file_is_measured_over(tmp_path, monkeypatch, text):
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "precision.json").write_text(text)
    monkeypatch.setattr(subject, "_machine", lambda: "one")
    monkeypatch.setattr(subject, "measured_precision", lambda: "bf16")
    assert subject.pick_precision("auto", CPU) == "bf16"


def test_what_is_asked_for_is_not_measured(monkeypatch):
    monkeypatch.setattr(subject, "measured_precision", lambda: pytest.fail("measured"))
    assert subject.pick_precision("bf16", CPU) == "bf16"
    assert subject.pick_precision("fp32", torch.device("cuda")) == "fp32"
    assert subject.pick_precision("auto", torch.device("mps")) == "fp32"


def test_measuring_leaves_the_random_numbers_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    assert subject.measured_precision() in ("fp32", "bf16")
    assert torch.equal(torch.rand(1), expected)


@pytest.mark.parametrize("settings", [InferSettings, DenseSettings, SegmentInferSettings])
@pytest.mark.parametrize("name", ["BF16", "fp16", "bf16-mixed", ""])
def test_a_misspelt_precision_of_a_search_is_refused(settings, name):
    with pytest.raises(LesionkitError, match="precision"):
        settings.parse({"precision": name})


@pytest.mark.parametrize("settings", [LearnSettings, PatchLearnSettings, SegmentationLearnSettings])
def test_a_misspelt_precision_of_a_training_is_refused_and_auto_is_the_default(settings):
    assert settings().precision == "auto"
    with pytest.raises(LesionkitError, match="precision"):
        settings.parse({"precision": "bf16"})
