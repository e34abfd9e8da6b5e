import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.recipes.ct.prepare import PreparedSet
from lesionkit.recipes.ct.slices_settings import CtSlices
from lesionkit.recipes.ct.slices_train import outlined_for, pixel_of
from lesionkit.sample.split import Splits


def slices(folder, rows):
    image = np.zeros((len(rows), 4, 4), np.uint8)
    np.savez(folder / "slices.npz", image_u8=image, readers_u8=image)
    lines = [f"n{number},{patient},0.7,{split}" for number, (patient, split) in enumerate(rows)]
    write_text(folder / "slices.csv", "\n".join(["nodule,patient_id,pixel_mm,split", *lines]) + "\n")
    return CtSlices.parse({"sample": {"slices": str(folder)}})


def scans(parts):
    """Cases named as their patients."""
    image = ArrayImage(Grid.upright((1, 1, 1), (1.0, 1.0, 1.0)), np.zeros((1, 1, 1), np.int16))
    cases = {name: Case(name, name, image) for part in parts.values() for name in part}
    return PreparedSet(cases, {}, Splits(parts), {})


def names(outlined):
    return sorted(set(outlined.patients)) if outlined is not None else None


def test_the_table_says_who_validates_and_nobody_of_them_is_learned_from(tmp_path):
    settings = slices(tmp_path, [("a", "train"), ("b", "val"), ("c", "train")])
    mine, held = outlined_for(settings, scans({"train": ("x",), "validation": ("y",)}), "")
    assert (names(mine), names(held)) == (["a", "c"], ["b"])


def test_patients_whose_scans_validate_or_test_are_not_learned_from_in_slices_either(tmp_path):
    settings = slices(tmp_path, [("a", "train"), ("b", "train"), ("c", "train"), ("d", "val")])
    prepared = scans({"train": ("d",), "validation": ("a",), "test": ("b",)})
    mine, held = outlined_for(settings, prepared, "")
    assert names(mine) == ["c"]
    assert held is None  # The scan of the only one who might validate is learned from.


def test_with_folds_each_patient_is_held_in_one_of_them(tmp_path):
    settings = slices(tmp_path, [(f"p{number}", "train") for number in range(6)])
    prepared = scans({"fold0": ("x",), "fold1": ("y",), "fold2": ("p0",)})
    rounds = {fold: outlined_for(settings, prepared, fold) for fold in ("fold0", "fold1", "fold2")}
    for mine, held in rounds.values():
        assert not set(names(mine)) & set(names(held))
    assert "p0" not in names(rounds["fold2"][0])
    assert set().union(*(names(held) for _, held in rounds.values())) >= {f"p{number}" for number in range(1, 6)}


def test_nobody_left_to_learn_from_is_refused(tmp_path):
    settings = slices(tmp_path, [("a", "val")])
    with pytest.raises(LesionkitError, match="must hold slices of patients that do not validate, got none"):
        outlined_for(settings, scans({"train": ("x",)}), "")


def test_without_outlined_slices_scans_alone_are_learned_from():
    assert outlined_for(CtSlices(), scans({"train": ("x",)}), "") == (None, None)


def test_slices_have_square_samples():
    assert pixel_of(CtSlices()) == 0.7
    with pytest.raises(LesionkitError, match=r"need square samples, got prepare\.spacing_mm 0\.5 along y and 0\.6"):
        pixel_of(CtSlices.parse({"prepare": {"spacing_mm": [1.0, 0.5, 0.6]}}))
