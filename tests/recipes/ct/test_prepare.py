import json
import math
import shutil

import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.recipes.ct import prepare as subject
from lesionkit.recipes.ct.prepare import lung_facts, prepared_case, prepared_set, store_key, with_truth
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import change

SETTINGS = change(CtNodule(), {"engine": {"backend": "here"}})


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def one(chests, tmp_path):
    return shutil.copy(chests / "scans/ct-phantom-00001.mha", tmp_path / "a.mha")


def test_a_scan_is_prepared_once_and_read_from_the_store_then(one, monkeypatch):
    first = prepared_case(one, SETTINGS)
    monkeypatch.setattr(subject, "prepare_ct", lambda *_: pytest.fail("again"))
    again = prepared_case(one, SETTINGS)
    assert again.image.grid == first.image.grid
    np.testing.assert_array_equal(again.image.read(again.image.grid.whole), first.image.read(first.image.grid.whole))


def test_the_store_tells_contents_reading_and_preparation_apart_and_not_places(one, tmp_path):
    other = shutil.copy(one, tmp_path / "b.mha")
    assert store_key(one, SETTINGS) == store_key(other, SETTINGS)
    keys = {
        store_key(one, change(SETTINGS, values))
        for values in ({}, {"read": {"allow_gaps": True}}, {"prepare": {"spacing_mm": 2.0}}, {"learn": {"steps": 3}})
    }
    assert len(keys) == 3
    other.write_bytes(other.read_bytes()[:-2] + b"xx")
    assert store_key(one, SETTINGS) != store_key(other, SETTINGS)


def test_where_nobody_looked_the_truth_is_unknown_and_where_nothing_was_found_it_is_empty():
    image = ArrayImage(Grid.upright((2, 2, 2), (1, 1, 1)), np.zeros((2, 2, 2), np.int16))
    row = {"case_id": "a", "patient_id": "p", "path": "a.mha", "lesions": "[]", "excluded": "[]"}
    assert with_truth(Case("x", "y", image), {**row, "looked_at": False}).truth is None
    known = with_truth(Case("x", "y", image), {**row, "looked_at": True})
    assert (known.case_id, known.patient_id, known.truth) == ("a", "p", ())


def test_numbers_that_are_none_are_told_as_none():
    image = ArrayImage(Grid.upright((2, 2, 2), (1, 1, 1)), np.zeros((2, 2, 2), np.int16))
    facts = lung_facts(Case("a", "a", image, facts={"lung_volume_l": 4.5, "lung_cover_ratio": math.nan}))
    assert (facts["volume_l"], facts["cover_ratio"], facts["failure"]) == (4.5, None, None)


def test_a_scan_that_cannot_be_prepared_is_left_out_with_its_reason(chests, tmp_path):
    data = shutil.copytree(chests, tmp_path / "data")
    (data / "scans/ct-phantom-00002.mha").write_bytes(b"no scan")
    parts = {"train": [f"ct-phantom-{n:05d}" for n in (1, 2, 3, 6)], "validation": ["ct-phantom-00004"]}
    (data / "splits.json").write_text(json.dumps(parts | {"test": ["ct-phantom-00005"]}))
    with open_run(tmp_path / "r", "ct-nodule", SETTINGS, {"data": data}) as run:
        prepared = prepared_set(run, data, SETTINGS)
    assert list(prepared.failed) == ["ct-phantom-00002"]
    assert prepared.count == 6
    learn, held = prepared.round("")
    assert [case.case_id for case in learn] == [f"ct-phantom-{n:05d}" for n in (1, 3, 6)]
    assert [case.case_id for case in held] == ["ct-phantom-00004"]
