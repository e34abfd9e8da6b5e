import csv
import json

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.engine.map import EngineSettings
from lesionkit.phantoms.xray.radiograph import XrayPhantomSettings
from lesionkit.read.chest_set import load_chest_image, read_chest_set
from lesionkit.recipes.xray import phantom as subject
from lesionkit.recipes.xray.phantom import PhantomXray, make_radiographs
from lesionkit.write.volume import write_volume

SMALL = PhantomXray(
    per_ct=2,
    phantom=XrayPhantomSettings(size=64, positive_share=0.6, bones=0.0, distractors=0.0),
    engine=EngineSettings(backend="here"),
)


def chest(seed, settings=None):
    """An oval trunk with two oval lungs, 5 mm samples."""
    grid = Grid.upright((56, 44, 70), (5.0, 5.0, 5.0), (-172, -108, -138))
    z, y, x = (grid.origin_mm[2 - axis] + 5.0 * np.indices(grid.shape, sparse=True)[axis] for axis in range(3))
    hu = np.where((x / 165) ** 2 + (y / 102) ** 2 + 0 * z < 1, 40, -1000).astype(np.int16)
    lung = ((np.abs(x) - 70) / 52) ** 2 + (y / 75) ** 2 + (z / 110) ** 2 < 1
    hu[lung] = -850
    image, region = ArrayImage(grid, hu), ArrayImage(grid, lung)
    return Case(f"ct-{seed}", f"person-{seed}", image, regions={"lung": region}, facts={"synthetic": True})


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.setattr(subject, "make_ct", chest)
    return tmp_path / "data", make_radiographs(tmp_path / "data", 5, 3, SMALL)


def rows(file):
    return list(csv.DictReader(file.read_text().splitlines()))


def test_a_data_set_is_in_siims_form(made):
    out, summary = made
    files = sorted(out.glob("dicom/*/*/*.dcm"))
    table = rows(out / "train-rle.csv")
    assert [*table[0]] == ["ImageId", "EncodedPixels"]
    assert sorted(row["ImageId"] for row in table) == sorted(file.stem for file in files)
    assert len(files) == summary.facts["radiographs"] == 5
    assert sum(row["EncodedPixels"] != "-1" for row in table) == summary.facts["with pneumothorax"] > 0
    assert (summary.failed, summary.cases) == ({}, 3)


def test_it_is_read_back_with_masks_and_lungs(made):
    out, summary = made
    cases = [load_chest_image(image) for image in read_chest_set(out)]
    assert sum(bool(case.truth) for case in cases) == summary.facts["with pneumothorax"]
    for case in cases:
        lesion, lung = case.regions["lesion"].array, case.regions["lung"].array
        assert (lung | ~lesion).all()
        assert lung.any()
        assert case.facts["spacing_known"]


def test_the_radiographs_of_one_ct_are_one_patients(made):
    patients = [row["patient_id"] for row in rows(made[0] / "patients.csv")]
    assert [patients.count(patient) for patient in dict.fromkeys(patients)] == [2, 2, 1]
    assert {image.patient_id for image in read_chest_set(made[0])} == set(patients)


def test_what_is_finished_is_not_made_again(made, monkeypatch):
    out, _ = made
    before = {file: file.stat().st_mtime_ns for file in out.glob("dicom/*/*/*.dcm")}
    asked = []
    monkeypatch.setattr(subject, "make_ct", lambda seed, settings: asked.append(seed) or chest(seed))
    assert make_radiographs(out, 6, 3, SMALL).facts["radiographs"] == 6
    assert len(asked) == 1
    assert {file: file.stat().st_mtime_ns for file in before} == before
    # The picture that was added is the one a single command would have made.
    whole = out.parent / "whole"
    make_radiographs(whole, 6, 3, SMALL)
    added = next(file for file in out.glob("dicom/*/*/*.dcm") if file not in before)
    assert (whole / added.relative_to(out)).read_bytes() == added.read_bytes()


@pytest.mark.parametrize(
    ("seed", "settings", "sentence"),
    [
        (4, SMALL, "holds other phantoms: seed was 3 and is 4 now; name another --out"),
        (3, SMALL.model_copy(update={"per_ct": 3}), "settings.per_ct was 2 and is 3 now"),
    ],
)
def test_other_phantoms_in_the_folder_are_refused(made, seed, settings, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        make_radiographs(made[0], 5, seed, settings)


def test_a_folder_with_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(LesionkitError, match="holds something else than phantoms; name a new or an empty folder"):
        make_radiographs(tmp_path, 1, 0, SMALL)


def test_a_ct_that_fails_is_told_and_the_others_go_on(tmp_path, monkeypatch):
    def make_ct(seed, settings):
        if seed == 0:
            raise LesionkitError("no chest today")
        return chest(seed)

    monkeypatch.setattr(subject, "make_ct", make_ct)
    summary = make_radiographs(tmp_path / "data", 4, 0, SMALL)
    assert summary.failed == {"CT 0": "no chest today"}
    assert (summary.facts["radiographs"], summary.cases) == (2, 2)


def test_real_cts_are_used_in_turn_and_keep_their_patients(tmp_path):
    for number in range(2):
        write_volume(chest(number).image, tmp_path / "cts" / f"scan-{number}.mha")
    summary = make_radiographs(tmp_path / "data", 4, 0, SMALL, from_ct=tmp_path / "cts")
    assert (summary.facts["radiographs"], summary.failed) == (4, {})
    assert {row["patient_id"] for row in rows(tmp_path / "data" / "patients.csv")} == {"scan-0", "scan-1"}
    assert json.loads((tmp_path / "data" / "phantoms.json").read_text())["asked"]["from_ct"]["sha256"]


def test_a_real_ct_without_lungs_is_told(tmp_path):
    case = chest(0)
    full = np.where(case.image.array > -1000, 40, -1000).astype(np.int16)
    write_volume(ArrayImage(case.image.grid, full), tmp_path / "cts" / "solid.mha")
    summary = make_radiographs(tmp_path / "data", 2, 0, SMALL, from_ct=tmp_path / "cts")
    assert "no radiograph was made" in summary.failed["CT 0"]
    assert (summary.facts["radiographs"], summary.cases) == (0, 1)
