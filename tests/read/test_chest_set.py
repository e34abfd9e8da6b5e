import json

import numpy as np
import pytest
from PIL import Image

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.read.chest_set import (
    ChestImage,
    chest_mask,
    chest_set_notes,
    load_chest_image,
    mask_lesions,
    read_chest_set,
)
from lesionkit.write.radiograph import write_radiograph
from lesionkit.write.siim import write_image_patients, write_mask, write_siim_table

SHAPE = (6, 8)
GRID = Grid.upright(SHAPE, (0.5, 0.5))
SAMPLES = np.arange(48, dtype=np.uint8).reshape(6, 8)
MASK = np.zeros((6, 8), bool)
MASK[1:3, 2:6] = True


def put(folder, name):
    write_radiograph(
        Case(name, f"patient-of-{name}", ArrayImage(GRID, SAMPLES)), folder / "dicom" / name / f"{name}.dcm"
    )


@pytest.fixture
def siim(tmp_path):
    for name in ("1.1", "1.2", "1.3"):
        put(tmp_path, name)
    write_siim_table(tmp_path / "train-rle.csv", {"1.1": [MASK], "1.2": []})
    write_mask(tmp_path / "lungs" / "1.1.png", ~MASK)
    return tmp_path


def test_siims_layout_tells_sick_healthy_and_unseen_apart(siim):
    sick, healthy, unseen = map(load_chest_image, read_chest_set(siim))
    np.testing.assert_array_equal(sick.regions["lesion"].array, MASK)
    np.testing.assert_array_equal(sick.regions["lung"].array, ~MASK)
    assert (len(sick.truth), healthy.truth, unseen.truth) == (1, (), None)
    assert not healthy.regions["lesion"].array.any()
    assert "lesion" not in unseen.regions
    assert (sick.case_id, sick.patient_id) == ("1.1", "patient-of-1.1")


def test_a_table_of_patients_goes_before_the_files(siim):
    write_image_patients(siim / "patients.csv", {"1.1": "anna"})
    assert [load_chest_image(image).patient_id for image in read_chest_set(siim)[:2]] == ["anna", "patient-of-1.2"]


def test_several_rows_of_one_image_are_several_lesions_in_one_mask(siim):
    other = np.zeros_like(MASK)
    other[5, 7] = True
    write_siim_table(siim / "train-rle.csv", {"1.1": [other, MASK]})
    case = load_chest_image(read_chest_set(siim)[0])
    np.testing.assert_array_equal(case.regions["lesion"].array, MASK | other)
    assert [lesion.facts["area_mm2"] for lesion in case.truth] == [2.0, 0.2]


def test_pictures_with_a_folder_of_masks_are_a_set_too(tmp_path):
    for name in ("sick", "healthy", "unseen"):
        put(tmp_path, name)
    write_mask(tmp_path / "masks" / "sick.png", MASK)
    write_mask(tmp_path / "masks" / "healthy.png", MASK & ~MASK)
    healthy, sick, unseen = map(load_chest_image, read_chest_set(tmp_path))
    assert (len(sick.truth), healthy.truth, unseen.truth) == (1, (), None)


def test_a_lesion_is_the_disc_of_its_pieces_area():
    (lesion,) = mask_lesions(MASK, GRID)
    assert lesion.kind == "pneumothorax"
    # Columns 2 to 5 and rows 1 to 2 at 0.5 mm: x is 3.5 * 0.5, y is 1.5 * 0.5.
    assert lesion.centre_mm == (1.75, 0.75)
    assert lesion.diameter_mm == pytest.approx(2 * np.sqrt(8 * 0.25 / np.pi))


def test_a_mask_can_be_had_without_the_pixels(siim):
    first, _, unseen = read_chest_set(siim)
    np.testing.assert_array_equal(chest_mask(first), MASK)
    with pytest.raises(LesionkitError, match=r"image '1.3' has no mask: nobody looked at it"):
        chest_mask(unseen)


def test_a_code_that_does_not_fit_its_image_is_named(siim):
    (siim / "train-rle.csv").write_text("ImageId,EncodedPixels\n1.1,900 5\n")
    with pytest.raises(LesionkitError, match=r"image '1.1': numbers of rle_siim must lie within the 6 x 8 image"):
        load_chest_image(read_chest_set(siim)[0])


def test_a_folder_without_truth_is_refused(tmp_path):
    put(tmp_path, "a")
    with pytest.raises(
        LesionkitError, match=r"must hold a table of masks .*, a folder 'masks' .*, or annotations of COCO"
    ):
        read_chest_set(tmp_path)


def test_a_table_of_other_images_is_refused(siim):
    (siim / "train-rle.csv").write_text("ImageId,EncodedPixels\n9.9,-1\n")
    with pytest.raises(LesionkitError, match=r"none of its 1 images is among the 3 files, first '9.9'"):
        read_chest_set(siim)


def test_two_files_of_one_name_are_refused(siim):
    write_radiograph(Case("1.1", "p", ArrayImage(GRID, SAMPLES)), siim / "copy" / "1.1.dcm")
    with pytest.raises(LesionkitError, match=r"needs a name of its own, but .* have one"):
        read_chest_set(siim)


def test_a_table_of_patients_has_its_columns(siim):
    (siim / "patients.csv").write_text("image,age\n1.1,60\n")
    with pytest.raises(LesionkitError, match="must have the columns image_id,patient_id, got image, age"):
        read_chest_set(siim)


def test_an_image_is_looked_at_by_code_or_by_mask(tmp_path):
    assert not ChestImage("a", "", tmp_path).looked_at
    assert ChestImage("a", "", tmp_path, encoded=("-1",)).looked_at


def test_rows_masks_and_lungs_without_a_radiograph_are_counted_and_named(siim):
    assert chest_set_notes(siim) == ()
    with (siim / "train-rle.csv").open("a") as table:
        table.write("9.9,-1\n1.3.4,-1\n")
    write_mask(siim / "lungs" / "7.7.png", ~MASK)
    write_image_patients(siim / "patients.csv", {"1.1": "anna", "1,1": "anna"})
    lungs, patients, rows = chest_set_notes(siim)
    assert lungs.endswith("lungs: 1 of 2 files belong to no radiograph that is there, the first '7.7'")
    assert patients.endswith("patients.csv: 1 of 2 rows name no radiograph that is there, the first '1,1'")
    assert rows.endswith("train-rle.csv: 2 of 4 rows name no radiograph that is there, the first '9.9'")
    assert len(read_chest_set(siim)) == 3


def test_annotations_of_coco_are_masks(tmp_path):
    put(tmp_path, "a")
    put(tmp_path, "b")
    put(tmp_path, "c")
    square = [[2, 1, 6, 1, 6, 5, 2, 5]]
    size = {"height": SHAPE[0], "width": SHAPE[1]}
    told = {
        "images": [{"id": n, "file_name": f"{name}.png", **size} for n, name in enumerate("ab")],
        "categories": [{"id": 1, "name": "pneumothorax"}],
        "annotations": [{"id": 1, "image_id": 0, "category_id": 1, "segmentation": square}],
    }
    (tmp_path / "coco.json").write_text(json.dumps(told))
    a, b, c = read_chest_set(tmp_path)
    assert (a.looked_at, b.encoded, c.looked_at) == (True, ("-1",), False)
    assert chest_mask(a).sum() == 16
    told["images"] = [{**told["images"][0], "file_name": "other.png"}]
    (tmp_path / "coco.json").write_text(json.dumps(told))
    with pytest.raises(LesionkitError, match="none of its 1 images is among the 3 files"):
        read_chest_set(tmp_path)


def test_pictures_of_nnunet_are_radiographs_with_masks(tmp_path):
    told = {"channel_names": {"0": "X-ray"}, "labels": {"background": 0, "lung": 1, "pneumothorax": 2}}
    (tmp_path / "dataset.json").write_text(json.dumps(told))
    for folder in ("imagesTr", "labelsTr"):
        (tmp_path / folder).mkdir()
    Image.fromarray(SAMPLES).save(tmp_path / "imagesTr" / "a_0000.png")
    labels = np.ones(SHAPE, np.uint8)
    labels[:3, :4] = 2
    Image.fromarray(labels).save(tmp_path / "labelsTr" / "a.png")
    (one,) = read_chest_set(tmp_path)
    assert (one.case_id, chest_mask(one).sum()) == ("a", 12)
    (tmp_path / "labelsTr" / "a.png").write_text("no picture")
    with pytest.raises(LesionkitError, match="a label map of a radiograph must be a picture"):
        read_chest_set(tmp_path)
