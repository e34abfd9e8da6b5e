from dataclasses import replace
from types import SimpleNamespace

import numpy as np
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


def test_masks_that_teach_nothing_are_counted_and_patients_are_held_out_whole(tmp_path, monkeypatch):
    from PIL import Image

    rows = []
    for number in range(12):
        grey = np.full((64, 64), 40, np.uint8)
        grey[10:50, 10 + number :] = 200
        Image.fromarray(grey).save(image := tmp_path / f"{number}.png")
        mask = np.zeros((64, 64) if number != 3 else (32, 32), np.uint8)
        mask[10:50, 10:50] = 255 * (number != 5)
        Image.fromarray(mask).save(drawn := tmp_path / f"{number}-mask.png")
        rows.append(ImageRow(str(number), f"patient {number}", str(image), 64, 64))
        rows[-1] = replace(rows[-1], lungs=str(drawn))
    seen = {}

    def fit(folder, member, shown, held):
        seen.update(learns={entry.number for entry in shown.entries}, held={number for _, number in held})
        return SimpleNamespace(net=None, figures={"validation/dice": 0.5})

    monkeypatch.setattr(subject, "fit_member", fit)
    settings = change(XrayPneumothorax(), {"lung": {"member": {"side": 64}}, "engine": {"backend": "here"}})
    _, card, notes = subject.train_lungs(tmp_path / "t", rows, settings)
    assert not seen["learns"] & seen["held"]
    assert seen["learns"] | seen["held"] == set(range(12)) - {3, 5}
    assert card["training_cases"] + card["held_out_cases"] == 10
    assert [note.partition(";")[0].partition(" teach")[0] for note in notes] == [
        "1 of 12 lung masks cannot be used and",
        "1 of 12 lung masks show no lung and",
    ]
    assert subject._without(rows) == []
    assert subject._without([replace(rows[0], lungs="")]) == [
        "1 of 1 radiographs have no lung mask to learn from, the first 0"
    ]
    with pytest.raises(LesionkitError, match="none of 1 lung masks shows a lung; check the folder 'lungs'"):
        subject.train_lungs(tmp_path / "u", rows[5:6], settings)
