import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.nets.guest.card import guest_card, guest_files, is_guest


def test_a_nodule_bundle_is_told_as_our_models_are(tmp_path, make_bundle):
    make_bundle(tmp_path, "b")
    card = guest_card(tmp_path / "b/models/model.pt")
    assert card["recipe"] == "ct-nodule"
    assert card["settings"]["prepare"]["spacing_mm"] == [1.25, 0.703125, 0.703125]
    assert card["settings"]["infer"] == {"threshold": 0.02}
    assert (card["origin"], card["licence"], card["network"]["is"]) == ("imported", "Apache-2.0", "RetinaNet")
    assert card["domain"]["slice_distance_mm"] == [0.4, 2.5]
    assert card["bundle"]["monai_version"] == "1.4.0"
    assert [source["name"] for source in card["data"]] == ["https://luna16.grand-challenge.org/Home/"]
    assert "operating_points" not in card


def test_a_bundle_of_other_data_knows_slices_up_to_twice_its_own(tmp_path, make_bundle):
    make_bundle(tmp_path, "b", metadata={"data_source": "ours"})
    assert guest_card(tmp_path / "b/models/model.pt")["domain"]["slice_distance_mm"] == [0.0, 2.5]


def test_a_tumour_bundle_is_for_slides_at_the_pixels_of_camelyon(tmp_path, make_bundle):
    make_bundle(tmp_path, "b", of="tumour")
    card = guest_card(tmp_path / "b/models/model.pt")
    assert (card["recipe"], card["settings"]["um"]) == ("slide-metastasis", 0.243)


def test_a_described_model_says_what_its_file_says(tmp_path):
    path = tmp_path / "lesionkit.yaml"
    path.write_text("{kind: ct-nodule, file: a.onnx, spacing: [2, 1, 1], intensity: {range: [-1, 1]}, output: boxes}")
    card = guest_card(path)
    assert card["settings"] == {"prepare": {"spacing_mm": [2.0, 1.0, 1.0]}, "infer": {"threshold": 0.1}}
    assert list(guest_files(path)) == ["lesionkit.yaml", "a.onnx"]


def test_a_model_consists_of_weights_configs_and_licence(tmp_path, make_bundle):
    make_bundle(tmp_path, "b")
    names = ["models/model.pt", "configs/inference.json", "configs/metadata.json", "LICENSE"]
    assert list(guest_files(tmp_path / "b/models/model.pt")) == names


def test_a_network_of_three_colours_is_no_nodule_detector(tmp_path, make_bundle):
    inputs = {"network_data_format": {"inputs": {"image": {"modality": "CT", "num_channels": 3}}}}
    make_bundle(tmp_path, "b", metadata=inputs)
    with pytest.raises(LesionkitError, match="must be CT of 1 channel, got CT of 3"):
        guest_card(tmp_path / "b/models/model.pt")


def test_a_bundle_needs_its_config(tmp_path, make_bundle):
    make_bundle(tmp_path, "b")
    (tmp_path / "b/configs/inference.json").unlink()
    with pytest.raises(LesionkitError, match=r"must be a MONAI bundle with configs/inference.json"):
        guest_card(tmp_path / "b/models/model.pt")


def test_only_files_that_stand_for_models_of_others_are_such(tmp_path):
    assert [is_guest(tmp_path / name) for name in ("model.pt", "a.yaml", "a.safetensors", "ensemble.json")] == [
        *(True, True, False, False)
    ]
