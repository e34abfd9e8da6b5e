import json

import numpy as np
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.phantoms.ct.nodule_bank import ABOUT, VOXELS, NoduleBank, TransplantSettings, load_bank, save_bank
from lesionkit.phantoms.ct.real_nodule import RealNodule


def nodule(number, diameter_mm=6.0, texture=5, patient="p"):
    hu = np.full((9 + number, 10, 11), -800, np.int16)
    mask = np.zeros(hu.shape, bool)
    mask[4, 4:6, 4:6] = True
    hu[mask] = number
    return RealNodule(hu, mask, diameter_mm, f"n{number}", patient, texture, {"series": f"s{number}"})


BANK = NoduleBank((nodule(0, 4.0, 5, "a"), nodule(1, 6.0, 1, "b"), nodule(2, 8.0, 3, "b"), nodule(3, 20.0, 5, "c")))


def test_a_bank_comes_back_as_it_was_kept(tmp_path):
    again = load_bank(save_bank(tmp_path / "bank", BANK))
    for old, new in zip(BANK, again, strict=True):
        np.testing.assert_array_equal(old.hu, new.hu)
        np.testing.assert_array_equal(old.mask, new.mask)
        assert (old.nodule_id, old.patient_id, old.diameter_mm, old.texture) == (
            new.nodule_id,
            new.patient_id,
            new.diameter_mm,
            new.texture,
        )
        assert new.facts == old.facts
    assert again.about["patients"] == 3


def test_textures_are_drawn_by_their_shares_however_rare_they_are():
    weights = BANK.weights(TransplantSettings(texture_weights=(0.6, 0.15, 0.25)))
    assert weights.sum() == pytest.approx(1)
    assert weights[[1, 2]].tolist() == pytest.approx([0.25, 0.15])
    assert weights[0] == weights[3] == pytest.approx(0.3)


def test_at_least_a_quarter_of_draws_are_not_solid_by_default():
    weights = BANK.weights(TransplantSettings())
    assert weights[[1, 2]].sum() >= 0.25


def test_sizes_are_drawn_evenly_where_that_is_asked_for():
    many = NoduleBank((*[nodule(n, 4.0) for n in range(9)], nodule(9, 20.0)))
    assert many.weights(TransplantSettings(even_sizes=0.0))[9] == pytest.approx(0.1)
    assert many.weights(TransplantSettings(even_sizes=1.0))[9] == pytest.approx(0.5)


def test_what_the_settings_leave_out_is_never_drawn():
    settings = TransplantSettings(diameter_range_mm=(5.0, 10.0))
    rng = np.random.default_rng(0)
    assert {BANK.draw(rng, settings).nodule_id for _ in range(50)} == {"n1", "n2"}
    with pytest.raises(LesionkitError, match="none of its 4 fits"):
        BANK.weights(TransplantSettings(diameter_range_mm=(30.0, 40.0)))


def test_a_part_of_the_patients_has_their_nodules_alone():
    assert [n.nodule_id for n in BANK.of_patients(["b"])] == ["n1", "n2"]


def test_a_folder_that_is_no_bank_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="lesionkit bank"):
        load_bank(tmp_path)


@pytest.mark.parametrize("spoil", ["convention", "voxels", "json"])
def test_a_damaged_bank_and_one_of_another_spacing_are_refused(tmp_path, spoil):
    folder = save_bank(tmp_path / "bank", BANK)
    said = "damaged"
    if spoil == "convention":
        (folder / ABOUT).write_text(json.dumps({"convention": "HU at 0.7 mm"}))
        said = "must be a bank of HU int16 and mask"
    elif spoil == "voxels":
        (folder / VOXELS).write_bytes(b"nothing")
    else:
        (folder / ABOUT).write_text("{")
    with pytest.raises(LesionkitError, match=said):
        load_bank(folder)


def test_an_empty_bank_is_refused(tmp_path):
    folder = save_bank(tmp_path / "bank", NoduleBank(()))
    with pytest.raises(LesionkitError, match="at least one nodule"):
        load_bank(folder)
