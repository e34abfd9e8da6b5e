import csv
import shutil

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.base import MineRequest
from lesionkit.recipes.ct.mined_page import write_mined
from lesionkit.recipes.ct.mined_table import Example, mined_file, write_examples
from lesionkit.recipes.ct.nodule import RECIPE
from lesionkit.runs.run_folder import RunFolder, open_run


@pytest.fixture
def mined(tmp_path):
    """A run of two folds that mined after rounds 1 and 2."""
    with open_run(tmp_path / "run", "ct-nodule", RECIPE.settings(), {}) as run:
        for fold, name in (("fold0", "a"), ("fold1", "b")):
            for number in (1, 2):
                one = Example(name, (1.0, 2.0, 3.0), 4.0, 0.5, "false positive", number, fold)
                write_examples(mined_file(run.path, number, fold), [one] * number)
        return run


def test_the_examples_of_all_networks_are_one_table(mined, tmp_path):
    summary = write_mined(mined, MineRequest(1, tmp_path / "hard.csv"), RECIPE.settings())
    rows = list(csv.DictReader((tmp_path / "hard.csv").read_text().splitlines()))
    assert [(row["seriesuid"], row["round"], row["network"]) for row in rows] == [
        ("a", "1", "fold0"),
        ("b", "1", "fold1"),
    ]
    assert summary.facts["false positive"] == 2
    assert summary.paths == (tmp_path / "hard.csv",)


def test_without_a_round_the_last_is_taken_and_without_a_table_it_is_only_told(mined):
    summary = write_mined(mined, MineRequest(), RECIPE.settings())
    assert (summary.facts["round"], summary.facts["false positive"]) == (2, 4)
    assert [path.name for path in summary.paths] == ["mined-fold0-2.csv", "mined-fold1-2.csv"]


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (MineRequest(3), r"--round must be one after which was mined \(1, 2\), got 3"),
        (MineRequest(1, "hard.json"), r"--out must be a table that ends in .csv, got hard.json"),
        (MineRequest(1, None, True), "--pictures writes a page beside a table; give --out FILE.csv"),
    ],
)
def test_what_was_not_mined_is_refused_in_a_sentence(mined, tmp_path, request_, sentence):
    out = None if request_.out is None else tmp_path / request_.out
    with pytest.raises(LesionkitError, match=sentence.replace("hard.json", ".*hard.json")):
        write_mined(mined, MineRequest(request_.round, out, request_.pictures), RECIPE.settings())


def test_a_run_of_one_round_has_mined_nothing(tmp_path):
    run = RunFolder(tmp_path, {})
    with pytest.raises(
        LesionkitError, match=r"must hold a training in rounds, but mined nothing; train with learn.rounds=2"
    ):
        write_mined(run, MineRequest(), RECIPE.settings())


TINY = {
    "net": {"channels": (16, 16, 16, 16), "blocks": (1, 1, 1, 1)},
    "sample": {"patch": 32},
    "learn": {"steps": 1, "batch": 1, "workers": 0, "precision": "32-true", "device": "cpu", "rounds": 2},
    "mine": {"per_scan": 2},
    "infer": {"threshold": 0.001, "precision": "fp32"},
    "engine": {"backend": "here"},
}


def test_two_rounds_on_two_scans_are_trained_mined_and_shown(chests, tmp_path, monkeypatch):
    monkeypatch.setenv("LESIONKIT_CACHE", str(tmp_path / "cache"))
    for number in (1, 4):
        (tmp_path / "data/scans").mkdir(parents=True, exist_ok=True)
        shutil.copy(chests / f"scans/ct-phantom-{number:05d}.mha", tmp_path / "data/scans")
    lines = (chests / "annotations.csv").read_text().splitlines()
    table = [line for line in lines if line.startswith(("seriesuid", "ct-phantom-00001"))]
    (tmp_path / "data/annotations.csv").write_text("\n".join(table) + "\n")
    settings = RECIPE.settings.parse(TINY)
    with open_run(tmp_path / "run", "ct-nodule", settings, {"data": tmp_path / "data"}) as run:
        summary = RECIPE.train(run, tmp_path / "data", settings, None)
    assert summary.facts["round that is kept"] == 2
    request = MineRequest(1, tmp_path / "hard.csv", pictures=True)
    told = RECIPE.mine(run, request, settings)
    assert told.paths == (tmp_path / "hard.html", tmp_path / "hard.csv")
    assert 1 <= told.facts["false positive"] <= 4
    assert told.facts["missed"] + told.facts["weak"] + told.facts["easy"] == 2
    page = (tmp_path / "hard.html").read_text()
    assert page.count("<figure") == told.facts["false positive"] + 2
    assert (tmp_path / "run/mined-1.html").is_file()
