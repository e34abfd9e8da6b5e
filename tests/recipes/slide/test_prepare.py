import csv
import json

import pandas as pd
import pytest

from lesionkit.recipes.slide.metastasis import RECIPE
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.settings_file import change

SETTINGS = change(SlideMetastasis(), {"engine": {"backend": "here"}})


@pytest.fixture(scope="module")
def prepared(slides, tmp_path_factory):
    folder = tmp_path_factory.mktemp("prepared") / "r"
    with open_run(folder, RECIPE.name, SETTINGS, {"data": slides}) as run:
        return folder, RECIPE.prepare(run, slides, SETTINGS, False)


def test_every_slide_has_its_patches_and_its_tissue_in_the_tables(prepared):
    folder, summary = prepared
    patches = pd.read_parquet(folder / "patches.parquet")
    assert set(patches["slide"]) == set("abcdefgh")
    assert len(patches) == summary.facts["patches of tissue"] + summary.facts["smaller patches added"]
    rows = list(csv.DictReader((folder / "tissue.csv").read_text().splitlines()))
    # All 384 x 384 pixels of 1 um are tissue, blurred or glass.
    areas = [sum(float(row[f"{name}_mm2"]) for name in ("tissue", "blurred", "glass")) for row in rows]
    assert areas == [pytest.approx(0.1475, abs=1e-3)] * 8


def test_the_statistics_say_in_which_part_a_slide_is_and_how_many_patches_of_each_kind_it_has(prepared):
    folder, _ = prepared
    table = pd.read_csv(folder / "statistics.csv").set_index("slide")
    parts = json.loads((folder / "splits.json").read_text())
    assert all(table.loc[name, "part"] == part for part, names in parts.items() for name in names)
    assert (table.loc[list("efgh"), "tumour"] == 0).all()
    assert (table.loc[list("abcd"), "smaller"] > 0).all()


def test_the_page_of_statistics_is_written_without_being_asked_for(prepared):
    folder, summary = prepared
    assert summary.paths[0] == folder / "statistics.html"
    assert "Slides and their patches" in summary.paths[0].read_text(encoding="utf-8")
