import json
import shutil

import pandas as pd
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.map import EngineSettings
from lesionkit.recipes.slide.data import index, prepared_slides
from lesionkit.recipes.slide.prepare import prepare
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import change

HERE = SlideMetastasis(engine=EngineSettings(backend="here"))


def opened(folder, data, settings=HERE):
    return open_run(folder, "slide-metastasis", settings, {"data": data})


@pytest.fixture(scope="module")
def prepared(slides, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared") / "run"
    with opened(folder, slides) as run:
        return folder, prepare(run, slides, HERE, False), prepared_slides(run, slides, HERE)


def copied(slides, tmp_path):
    return shutil.copytree(slides, tmp_path / "data")


def test_the_catalogue_has_a_row_per_slide_with_its_pixels_and_its_label(slides, tmp_path):
    summary = index(slides, tmp_path / "catalogue.parquet", HERE)
    table = pd.read_parquet(tmp_path / "catalogue.parquet")
    assert list(table["case_id"]) == list("abcdefgh")
    assert (summary.facts["slides with tumour"], summary.facts["slides without"]) == (4, 4)
    assert set(table["mpp"].round(6)) == {1.0}
    assert set(table["rows"]) == {384}


def test_tissue_patches_and_statistics_are_written(prepared):
    folder, summary, _ = prepared
    statistics = pd.read_csv(folder / "statistics.csv", index_col="slide")
    tissue = pd.read_csv(folder / "tissue.csv", index_col="slide")
    patches = pd.read_parquet(folder / "patches.parquet")
    assert summary.facts["slides"] == 8
    assert (statistics.loc["a", "tumour"] > 0, statistics.loc["e", "tumour"]) == (True, 0)
    assert tissue.loc["a", "tissue_mm2"] == pytest.approx(0.1, abs=0.02)
    assert set(patches["slide"]) == set("abcdefgh")
    assert "not a medical device" in (folder / "statistics.html").read_text()


def test_a_slide_with_few_tumour_patches_gets_smaller_ones_whose_middle_is_all_tumour(prepared):
    _, _, held = prepared
    table = held.slides["a"].patches
    smaller = table[table["side"] == HERE.few.patch]
    assert len(smaller) > len(table[table["kind"] == "tumour"]) / 2
    assert set(smaller["kind"]) == {"tumour"}
    assert (smaller[["row", "column"]] >= 0).all(axis=None)


def test_both_parts_have_slides_with_and_without_tumour(prepared):
    _, _, held = prepared
    for part in ("train", "validation"):
        assert {slide.has_tumour for slide in held.part(part).values()} == {True, False}
    assert (len(held.part("train")), len(held.part("validation"))) == (6, 2)


def test_shares_and_folds_are_settings(slides, tmp_path):
    def split(name, **values):
        with opened(tmp_path / name, slides) as run:
            return prepared_slides(run, slides, change(HERE, {"split": values}))

    nine = split("shares", shares=(0.5, 0.25, 0.25))
    assert [len(nine.part(name)) for name in ("train", "validation", "test")] == [4, 2, 2]
    folds = [split(f"fold-{n}", folds=4, fold=n) for n in range(4)]
    held = [set(one.part("validation")) for one in folds]
    assert set().union(*held) == set("abcdefgh")
    assert sum(map(len, held)) == 8


def test_the_splits_of_the_data_set_come_first(slides, tmp_path):
    data = copied(slides, tmp_path)
    (data / "splits.json").write_text(json.dumps({"train": ["a", "e"], "test": ["b", "f"]}))
    with opened(tmp_path / "run", data) as run:
        held = prepared_slides(run, data, HERE)
    assert (set(held.part("train")), set(held.part("test"))) == ({"a", "e"}, {"b", "f"})


def test_parts_stay_as_they_were_dealt_when_a_slide_can_be_read_later(slides, tmp_path):
    with opened(tmp_path / "run", slides) as run:
        dealt = prepared_slides(run, slides, HERE).splits.parts
        # As though h had failed the first time.
        kept = {name: [one for one in part if one != "h"] for name, part in dealt.items()}
        (tmp_path / "run" / "splits.json").write_text(json.dumps(kept))
        held = prepared_slides(run, slides, HERE)
    assert {name: list(part) for name, part in held.splits.parts.items()} == kept
    assert any("left out, the first h" in sentence for sentence in run.warnings)


def test_what_is_prepared_is_not_prepared_again(slides, tmp_path):
    with opened(tmp_path / "run", slides) as run:
        prepared_slides(run, slides, HERE)
    file = tmp_path / "run" / "slides" / "a" / "facts.json"
    before = file.stat().st_mtime_ns
    with opened(tmp_path / "run", slides) as run:
        run.record["stages"].pop("prepare")
        prepared_slides(run, slides, HERE)
    assert file.stat().st_mtime_ns == before


def test_one_bad_slide_is_named_and_the_others_go_on(slides, tmp_path):
    data = copied(slides, tmp_path)
    whole = (data / "slides" / "b.tif").read_bytes()
    (data / "slides" / "b.tif").write_bytes(whole[:64])
    with opened(tmp_path / "run", data) as run:
        held = prepared_slides(run, data, HERE)
    assert "b.tif" in held.failed["b"]
    assert set(held.slides) == set("acdefgh")


def test_a_set_without_tumour_is_refused(slides, tmp_path):
    data = copied(slides, tmp_path)
    shutil.rmtree(data / "masks")
    (data / "labels.csv").write_text("slide,label\n" + "".join(f"{name},normal\n" for name in "abcdefgh"))
    message = "none of the 8 usable slides of .* holds tumour"
    with opened(tmp_path / "run", data) as run, pytest.raises(LesionkitError, match=message):
        prepared_slides(run, data, HERE)


def test_slides_of_which_nothing_is_known_take_no_part(slides, tmp_path):
    data = copied(slides, tmp_path)
    (data / "masks" / "b.png").unlink()
    (data / "labels.csv").write_text("slide,label\na,tumor\nb,tumor\nc,tumor\nd,tumor\ne,normal\nf,normal\ng,normal\n")
    with opened(tmp_path / "run", data) as run:
        held = prepared_slides(run, data, HERE)
    assert set(held.slides) == set("acdefg")
    assert "b: is labelled tumour, but none is drawn; it takes no part in training" in held.warnings
    assert "h: has neither label nor drawing; it takes no part in training" in held.warnings


def test_a_set_of_one_patient_learns_without_validation_and_says_so(slides, tmp_path):
    data = copied(slides, tmp_path)
    (data / "patients.csv").write_text("slide,patient_id\n" + "".join(f"{name},one\n" for name in "abcdefgh"))
    with opened(tmp_path / "run", data) as run:
        held = prepared_slides(run, data, HERE)
        assert "1 usable patients: all of them learn and none validates" in run.warnings[0]
    assert len(held.part("train")) == 8
