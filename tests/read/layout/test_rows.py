import json

import numpy as np
import pytest
import SimpleITK as sitk

from lesionkit.read.catalogue import build_catalogue, load_case

BALL = (slice(4, 8), slice(6, 10), slice(8, 12))


def volume(path, array, spacing=(1.5, 1.5, 2.0), origin=(-10.0, 5.0, 20.0)):
    path.parent.mkdir(parents=True, exist_ok=True)
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    sitk.WriteImage(image, path)


def ct(seed) -> np.ndarray:
    return np.random.default_rng(seed).integers(-1000, 300, (12, 16, 16)).astype(np.int16)


def labels(value=1) -> np.ndarray:
    array = np.zeros((12, 16, 16), np.uint8)
    array[BALL] = value
    return array


@pytest.fixture
def nnunet(tmp_path):
    """Cases a (one nodule), b (looked at, none) and c (unknown), with a lung as another label."""
    told = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "lung": 1, "nodule": 2}}
    (tmp_path / "dataset.json").write_text(json.dumps(told))
    for seed, name in enumerate("abc"):
        volume(tmp_path / "imagesTr" / f"{name}_0000.nii.gz", ct(seed))
    volume(tmp_path / "labelsTr" / "a.nii.gz", np.maximum(labels(2), np.uint8(1)))
    volume(tmp_path / "labelsTr" / "b.nii.gz", labels(1))
    return tmp_path


def test_an_nnunet_data_set_is_a_catalogue_with_names_and_lesions(nnunet):
    frame = build_catalogue(nnunet).set_index("case_id")
    assert frame["looked_at"].to_dict() == {"a": True, "b": True, "c": False}
    assert frame["lesion_count"].to_dict() == {"a": 1, "b": 0, "c": 0}
    assert (frame["patient_id"] == frame.index).all()
    case = load_case(frame.reset_index().to_dict("records")[0])
    (lesion,) = case.truth
    assert lesion.centre_mm == pytest.approx((-10 + 9.5 * 1.5, 5 + 7.5 * 1.5, 20 + 5.5 * 2), abs=1e-3)
    assert lesion.facts["volume_mm3"] == pytest.approx(64 * 4.5)


def test_which_labels_are_lesions_may_be_said(nnunet):
    frame = build_catalogue(nnunet, lesion_labels=["lung"]).set_index("case_id")
    assert frame["lesion_count"].to_dict() == {"a": 1, "b": 1, "c": 0}


def test_a_case_whose_label_map_cannot_be_used_is_not_a_healthy_one(nnunet):
    (nnunet / "labelsTr" / "a.nii.gz").write_text("damaged")
    volume(nnunet / "labelsTr" / "b.nii.gz", labels(2), origin=(500.0, 0.0, 0.0))
    frame = build_catalogue(nnunet).set_index("case_id")
    assert "truncated or damaged" in frame.loc["a", "failure"]
    assert "lies outside its image; are both of one scan" in frame.loc["b", "failure"]
    assert not frame.loc[["a", "b"], "looked_at"].any()


def test_an_instance_of_nndetection_is_one_lesion(tmp_path):
    (tmp_path / "dataset.json").write_text(json.dumps({"labels": {"0": "nodule"}, "modalities": {"0": "CT"}}))
    array = labels()
    array[0, 0, 0] = 1
    array[10, 2, 2] = 2
    volume(tmp_path / "raw_splitted" / "imagesTr" / "a_0000.nii.gz", ct(0))
    volume(tmp_path / "raw_splitted" / "labelsTr" / "a.nii.gz", array)
    (tmp_path / "raw_splitted" / "labelsTr" / "a.json").write_text('{"instances": {"1": 0, "2": 0}}')
    assert build_catalogue(tmp_path)["lesion_count"].tolist() == [2]


def test_a_list_of_monai_has_boxes_and_folds(tmp_path):
    volume(tmp_path / "a.nii.gz", ct(0))
    box = {"image": "a.nii.gz", "box": [[0, 10, 30, 6, 6, 6]], "label": [0], "fold": 2}
    (tmp_path / "dataset_0.json").write_text(json.dumps({"training": [box]}))
    row = build_catalogue(tmp_path).to_dict("records")[0]
    assert (row["case_id"], row["fold"], row["lesion_count"]) == ("a", "2", 1)
    assert json.loads(row["lesions"])[0]["centre_mm"] == [0, 10, 30]
