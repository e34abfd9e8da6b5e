import csv
import json

import numpy as np
import pytest
from PIL import Image
from tests.phantoms.xray.test_picture import chest

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings
from lesionkit.phantoms.xray.painting import PaintSettings
from lesionkit.read.chest_rows import row_of
from lesionkit.read.chest_set import read_chest_set
from lesionkit.recipes.xray.paint import PaintXray, find_sources, is_painted, paint_radiographs, source_of

SMALL = PaintXray(paint=PaintSettings(size=64), engine=EngineSettings(backend="here"))


@pytest.fixture
def real(tmp_path):
    """Four radiographs of three patients with their lungs."""
    image, lungs = chest(64)
    for folder in ("images", "masks"):
        (tmp_path / folder).mkdir()
    for number, name in enumerate("abcd"):
        grey = np.clip(255 * image + 5 * number, 0, 255).astype(np.uint8)
        Image.fromarray(grey).save(tmp_path / "images" / f"{name}.png")
        Image.fromarray(255 * lungs.astype(np.uint8)).save(tmp_path / "masks" / f"{name}.png")
    table = "id,patient_id,original_width,original_height\na,one,900,600\nb,one,600,600\nc,two,,\nd,three,700,700\n"
    (tmp_path / "patients.csv").write_text(table)
    return tmp_path


def rows(file):
    return list(csv.DictReader(file.read_text().splitlines()))


def paint(real, count=6, seed=0, settings=SMALL):
    return paint_radiographs(real / "out", real / "images", real / "masks", count, seed, settings)


def test_half_of_them_are_painted_and_all_of_it_is_read_back(real):
    summary = paint(real)
    assert (summary.facts["radiographs"], summary.facts["with a painted pneumothorax"], summary.failed) == (6, 3, {})
    assert summary.warnings == ()
    read = [row_of(image) for image in read_chest_set(real / "out")]
    assert sum(row.positive for row in read) == 3
    assert {row.patient_id for row in read} == {"one", "two", "three"}
    assert all(row.lungs and not row.synthetic for row in read)


def test_where_each_came_from_is_kept(real):
    paint(real)
    told = rows(real / "out" / "painted.csv")
    assert {row["source"] for row in told} == {"a.png", "b.png", "c.png", "d.png"}
    assert sum(row["kind"] != "" for row in told) == 3
    assert all(len(row["sha256"]) == 64 for row in told)


def test_the_same_command_goes_on_and_another_seed_is_refused(real):
    paint(real, count=2)
    before = {f: f.stat().st_mtime_ns for f in (real / "out").glob("dicom/*/*/*.dcm")}
    assert paint(real, count=3).facts["radiographs"] == 3
    assert {f: f.stat().st_mtime_ns for f in before} == before
    with pytest.raises(LesionkitError, match="holds other phantoms: seed was 0 and is 1 now"):
        paint(real, seed=1)


def test_radiographs_are_taken_in_turn_each_time_in_another_order(real):
    sources, _ = find_sources(real / "images", real / "masks")
    turns = [[source_of(sources, 5, 4 * turn + n).image.stem for n in range(4)] for turn in range(6)]
    assert {"".join(sorted(turn)) for turn in turns} == {"abcd"}
    assert len({"".join(turn) for turn in turns}) > 1
    assert {s.image.stem: (s.patient_id, s.aspect) for s in sources} == {
        **{"a": ("one", 1.5), "b": ("one", 1.0), "c": ("two", None), "d": ("three", 1.0)}
    }


@pytest.mark.parametrize("share", [0.0, 0.1, 0.22, 0.5, 1.0])
def test_the_share_is_a_quota(share):
    assert sum(is_painted(n, share) for n in range(200)) == round(200 * share)


def test_masks_without_radiographs_and_radiographs_without_masks_are_counted(real):
    (real / "masks" / "a.png").rename(real / "masks" / "z.png")
    (real / "patients.csv").unlink()
    summary = paint(real, count=3)
    assert [sentence.removeprefix(f"{real}/") for sentence in summary.warnings] == [
        "masks: 1 of 4 files belong to no radiograph that is there, the first 'z'",
        "1 of 4 radiographs have no lung mask and are left out, the first a",
        "no patients.csv tells patients: each radiograph counts as one of its own",
    ]


def test_a_mask_of_another_size_and_one_without_lungs_fail_alone(real):
    Image.fromarray(np.full((32, 40), 255, np.uint8)).save(real / "masks" / "a.png")
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(real / "masks" / "b.png")
    summary = paint(real, count=4)
    assert summary.facts["radiographs"] == 2
    assert "(64, 64)" in summary.failed["a.png"] or "64 × 64" in summary.failed["a.png"]
    assert "a lung mask must show a lung" in summary.failed["b.png"]


def test_folders_that_do_not_belong_together_are_refused(real):
    with pytest.raises(LesionkitError, match="there is no such folder"):
        find_sources(real / "images", real / "nowhere")
    for mask in (real / "masks").iterdir():
        mask.rename(mask.with_stem(f"{mask.stem}-lung"))
    with pytest.raises(LesionkitError, match=r"none of 4 radiographs in .* has a mask among the 4 in"):
        find_sources(real / "images", real / "masks")
    (real / "patients.csv").write_text("name,age\n")
    (real / "masks" / "a-lung.png").rename(real / "masks" / "a.png")
    with pytest.raises(LesionkitError, match=r"must have the columns image_id,patient_id, got name, age"):
        find_sources(real / "images", real / "masks")


def test_what_was_asked_is_kept(real):
    paint(real, count=1)
    asked = json.loads((real / "out" / "phantoms.json").read_text())["asked"]
    assert asked["settings"]["paint"]["size"] == 64
    assert set(asked) == {"seed", "settings", "paint_on", "lungs"}
