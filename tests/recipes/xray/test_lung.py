import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.chest_rows import ImageRow
from lesionkit.recipes.xray import lung as subject
from lesionkit.recipes.xray.data import ImageSet
from lesionkit.recipes.xray.lung import LUNG_FILE, lung_boxes, lung_net
from lesionkit.recipes.xray.settings import XrayPneumothorax
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import change
from lesionkit.sample.split import Splits

IMAGES = ImageSet({"a": ImageRow("a", "a", "a.png", encoded="-1")}, Splits({"train": ("a",)}), (), {})


def test_without_lung_masks_and_without_a_network_the_cut_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "_SHIPPED", tmp_path / "nowhere")
    settings = XrayPneumothorax()
    with (
        pytest.raises(LesionkitError, match=r"no folder 'lungs' with masks; give --set lung"),
        open_run(tmp_path / "r", "x", settings, {}) as run,
    ):
        lung_net(run, IMAGES, settings)


def test_a_network_that_is_given_is_taken_and_asked_for_a_box_of_every_radiograph(tmp_path, radiographs):
    import torch

    from lesionkit.nets.segmenter import Segmenter
    from lesionkit.nets.segmenter_settings import SegmenterSettings
    from lesionkit.nets.weights import save_model

    torch.manual_seed(0)
    net = Segmenter(SegmenterSettings(architecture="unet", encoder="tu-test_resnet", pretrained=False, head="none"))
    given = save_model(tmp_path / "lung.safetensors", net, {"draws": "lungs"})
    settings = change(XrayPneumothorax(), {"lung": {"model": str(given), "box": {"side": 64}}})
    with open_run(tmp_path / "r", "x", settings, {}) as run:
        weights = lung_net(run, IMAGES, settings)
    assert weights == tmp_path / "r" / LUNG_FILE
    rows = [ImageRow("a", "a", str(radiographs / "dicom/x00.dcm")), ImageRow("b", "b", str(tmp_path / "nowhere.png"))]
    boxes, failed = lung_boxes(rows, weights, settings)
    assert (len(boxes), list(failed)) == (2, ["b"])
    assert boxes[1] is None
