import json

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.layout.nnunet import read_nnunet


def put(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def describe(folder, **words):
    folder.mkdir(parents=True, exist_ok=True)
    told = {"channel_names": {"0": "CT"}, "labels": {"background": 0, "nodule": 1}, "file_ending": ".nii.gz"} | words
    (folder / "dataset.json").write_text(json.dumps(told))


def names(found):
    return [(one.case_id, one.path.name, one.labels and one.labels.name, sorted(one.values)) for one in found.entries]


def test_version_2_names_channels_and_labels(tmp_path):
    describe(tmp_path, channel_names={"0": "PET", "1": "CT"}, labels={"background": 0, "lung": 1, "nodule": 2})
    put(tmp_path, *(f"imagesTr/{name}.nii.gz" for name in ("a_0000", "a_0001", "b_0000", "b_0001")))
    put(tmp_path, "imagesTs/c_0001.nii.gz", "labelsTr/a.nii.gz")
    found = read_nnunet(tmp_path)
    assert (found.kind, found.source.name) == ("nnU-Net", "dataset.json")
    assert names(found) == [
        ("a", "a_0001.nii.gz", "a.nii.gz", [2]),
        ("b", "b_0001.nii.gz", None, []),
        ("c", "c_0001.nii.gz", None, []),
    ]
    assert [one.looked_at for one in found.entries] == [True, False, False]
    assert found.notes == ("of several channels CT is read; PET is passed over",)


@pytest.mark.parametrize("suffix", ["_0000.nii.gz", ".nii.gz"])
def test_version_1_and_the_decathlon_count_labels_the_other_way_round(tmp_path, suffix):
    describe(tmp_path, channel_names=None, modality={"0": "CT"}, labels={"0": "background", "1": "cancer"})
    put(tmp_path, f"imagesTr/lung_001{suffix}", "labelsTr/lung_001.nii.gz", "imagesTr/._lung_001.nii.gz")
    assert names(read_nnunet(tmp_path)) == [("lung_001", f"lung_001{suffix}", "lung_001.nii.gz", [1])]


def test_regions_of_several_labels_count_by_any_of_their_names(tmp_path):
    describe(tmp_path, labels={"background": 0, "whole lung": [1, 2], "tumor": [2], "ignore": 3})
    put(tmp_path, "imagesTr/a_0000.nii.gz", "labelsTr/a.nii.gz")
    assert names(read_nnunet(tmp_path))[0][-1] == [2]


def test_nndetection_numbers_lesions_and_says_of_which_class_each_is(tmp_path):
    (tmp_path / "dataset.yaml").write_text("task: Task016_Luna\nlabels: {'0': benign nodule, '1': vessel}\ndim: 3\n")
    labels = tmp_path / "raw_splitted" / "labelsTr"
    for name, instances in (("a", {"1": 0, "2": 1, "3": 0}), ("b", {})):
        put(tmp_path / "raw_splitted", f"imagesTr/{name}_0000.nii.gz", f"labelsTr/{name}.nii.gz")
        (labels / f"{name}.json").write_text(json.dumps({"instances": instances}))
    found = read_nnunet(tmp_path)
    assert found.kind == "nnDetection"
    told = [(one.case_id, sorted(one.values), one.instances) for one in found.entries]
    assert told == [("a", [1, 3], True), ("b", [-1], True)]
    (labels / "a.json").write_text("[]")
    with pytest.raises(LesionkitError, match=r"a\.json must say of which class each instance is"):
        read_nnunet(tmp_path)


def test_other_folders_are_none_of_these(tmp_path):
    assert read_nnunet(tmp_path) is None
    describe(tmp_path)
    assert read_nnunet(tmp_path) is None
    (tmp_path / "imagesTr").mkdir()
    with pytest.raises(LesionkitError, match=r"must hold images such as CASE_0000\.nii\.gz, but holds none"):
        read_nnunet(tmp_path)


@pytest.mark.parametrize(
    ("labels", "wanted", "sentence"),
    [
        ({"background": 0, "left": 1, "right": 2}, (), r"one of the labels must be of lesions, .*left, right"),
        ({"background": 0, "nodule": 1}, ("mass",), "a label of lesions must be one of nodule, got 'mass'"),
        ({"background": 0, "nodule": "one"}, (), "a label must be a number and a name, got 'nodule': 'one'"),
    ],
)
def test_labels_that_do_not_tell_what_a_lesion_is_are_refused(tmp_path, labels, wanted, sentence):
    describe(tmp_path, labels=labels)
    put(tmp_path, "imagesTr/a_0000.nii.gz")
    with pytest.raises(LesionkitError, match=rf"dataset\.json: {sentence}"):
        read_nnunet(tmp_path, wanted)


def test_a_description_that_cannot_be_read_is_said(tmp_path):
    describe(tmp_path)
    (tmp_path / "imagesTr").mkdir()
    (tmp_path / "dataset.json").write_text("{")
    with pytest.raises(LesionkitError, match=r"dataset\.json must be readable"):
        read_nnunet(tmp_path)
