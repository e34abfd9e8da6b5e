import csv

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.phantoms.ct.nodule_bank import load_bank
from lesionkit.recipes.ct.bank import make_bank
from lesionkit.write.volume import write_volume

SHAPE, SPACING = (6, 24, 24), (2.5, 0.7, 0.7)


def voi(labels=(1,)):
    mask = np.zeros(SHAPE, np.uint8)
    for n, label in enumerate(labels):
        mask[2:4, 4 + 9 * n : 10 + 9 * n, 8:14] = label
    return np.where(mask > 0, 20, -860).astype(np.int16), mask


def write(source, name, hu, mask, mask_spacing=SPACING):
    for folder, array, spacing in (("image", hu, SPACING), ("mask", mask, mask_spacing)):
        (source / folder).mkdir(parents=True, exist_ok=True)
        write_volume(ArrayImage(Grid.upright(array.shape, spacing), array), source / folder / f"{name}.nii.gz")


def table(source, *rows):
    with (source / "nodules.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("nodule", "patient_id", "diameter_mm", "texture", "spiculation"), *rows])


def test_nodules_are_cut_with_what_the_table_knows(tmp_path):
    write(tmp_path / "in", "one", *voi())
    write(tmp_path / "in", "two", *voi())
    table(tmp_path / "in", ("one", "P1", "5.5", "1", "3"))
    summary = make_bank(tmp_path / "in", tmp_path / "bank")
    one, two = load_bank(tmp_path / "bank")
    assert (one.patient_id, one.diameter_mm, one.texture_name) == ("P1", 5.5, "ground-glass")
    assert one.facts == {"spiculation": "3"}
    assert (two.patient_id, two.texture_name) == ("two", "solid")
    assert summary.facts["nodules"] == 2
    assert summary.failed == {}


def test_a_mask_with_several_labels_holds_several_nodules(tmp_path):
    write(tmp_path / "in", "scan", *voi((1, 2)))
    make_bank(tmp_path / "in", tmp_path / "bank")
    bank = load_bank(tmp_path / "bank")
    assert [n.nodule_id for n in bank] == ["scan-1", "scan-2"]
    assert bank.patients == ("scan",)


def test_what_cannot_be_used_is_told_and_the_rest_is_kept(tmp_path):
    hu, mask = voi()
    write(tmp_path / "in", "empty", hu, mask * 0)
    write(tmp_path / "in", "good", hu, mask)
    write(tmp_path / "in", "moved", hu, mask, (2.5, 0.9, 0.9))
    write(tmp_path / "in", "shape", hu, mask[:, :20])
    summary = make_bank(tmp_path / "in", tmp_path / "bank")
    assert [n.nodule_id for n in load_bank(tmp_path / "bank")] == ["good"]
    assert set(summary.failed) == {"empty", "moved", "shape"}
    assert "empty" in summary.failed["empty"]
    assert "one grid" in summary.failed["moved"]
    assert "one grid" in summary.failed["shape"]


@pytest.mark.parametrize(("diameter", "texture"), [("many", "5"), ("5", "solid"), ("-3", "5"), ("5", "9")])
def test_a_table_with_other_than_numbers_is_refused(tmp_path, diameter, texture):
    write(tmp_path / "in", "one", *voi())
    table(tmp_path / "in", ("one", "P1", diameter, texture, ""))
    with pytest.raises(LesionkitError, match=r"none of 1 volumes .* must be a number from"):
        make_bank(tmp_path / "in", tmp_path / "bank")


def test_a_missing_mask_and_a_folder_of_other_things_are_refused(tmp_path):
    write(tmp_path / "in", "one", *voi())
    (tmp_path / "in/mask/one.nii.gz").unlink()
    with pytest.raises(LesionkitError, match="there is no such file"):
        make_bank(tmp_path / "in", tmp_path / "bank")
    with pytest.raises(LesionkitError, match="must hold image/ and mask/"):
        make_bank(tmp_path / "bare", tmp_path / "bank")
