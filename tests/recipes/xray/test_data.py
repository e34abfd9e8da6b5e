import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings
from lesionkit.read.chest_rows import ImageRow
from lesionkit.recipes.xray.data import ImageSet, index, unlabelled_rows
from lesionkit.recipes.xray.settings import UnlabelledSettings, XrayPneumothorax
from lesionkit.sample.split import Splits

HERE = EngineSettings(backend="here")
ROWS = {name: ImageRow(name, name, f"{name}.png", encoded="-1") for name in "abcd"}


def test_the_index_counts_images_patients_and_what_is_known(radiographs, tmp_path):
    summary = index(radiographs, tmp_path / "c.parquet", XrayPneumothorax(engine=HERE))
    assert dict(summary.facts) == {
        **{"images": 18, "patients": 17, "images with known truth": 18, "with pneumothorax": 9, "with lung mask": 18}
    }
    assert summary.failed == {}


def test_the_test_part_is_seen_in_no_round():
    splits = Splits({"fold0": ("a",), "fold1": ("b", "x"), "test": ("c", "d")})
    images = ImageSet(ROWS, splits, (), {})
    assert [row.case_id for row in images.seen] == ["a", "b"]
    assert [[row.case_id for row in part] for part in images.round("fold0")] == [["b"], ["a"]]
    assert [row.case_id for row in images.part("test")] == ["c", "d"]
    assert images.part("nowhere") == ()


def test_without_a_folder_there_are_no_unlabelled_radiographs():
    assert unlabelled_rows(UnlabelledSettings(), HERE, 0, pytest.fail) == []


def test_so_many_unlabelled_are_drawn_by_the_seed_and_a_table_must_name_some(radiographs, tmp_path):
    settings = UnlabelledSettings(images=radiographs / "dicom", most=5)
    several = [[row.path for row in unlabelled_rows(settings, HERE, seed, pytest.fail)] for seed in (0, 0, 1)]
    assert [len(one) for one in several] == [5, 5, 5]
    assert several[0] == several[1] != several[2]
    table = tmp_path / "labels.csv"
    table.write_text("Image Index,Finding Labels,Patient ID\nnobody.png,Pneumothorax,1\n")
    with pytest.raises(LesionkitError, match="none of its 1 images is among the 18 files"):
        unlabelled_rows(UnlabelledSettings(images=radiographs / "dicom", labels=table), HERE, 0, pytest.fail)
