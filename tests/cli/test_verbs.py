from pathlib import Path

import pytest
import yaml


def test_run_works_in_the_folder_named_and_resumes_it(lesionkit, toy, data):
    first = lesionkit("run", "toy", data, "--out", "r", "--set", "learn.epochs=3")
    assert first.exit_code == 0
    assert Path("r/all.txt").read_text() == "3"
    assert "run folder" in first.stdout
    Path("r/all.txt").write_text("kept")
    assert lesionkit("run", "toy", data, "--out", "r", "--set", "learn.epochs=3").exit_code == 0
    assert Path("r/all.txt").read_text() == "kept"


def test_another_run_in_the_same_folder_is_refused_in_one_sentence(lesionkit, toy, data):
    lesionkit("run", "toy", data, "--out", "r")
    result = lesionkit("run", "toy", data, "--out", "r", "--set", "learn.epochs=3")
    assert result.exit_code == 2
    assert result.stderr == (
        "lesionkit: r holds a different run: learn.epochs was 10 and is 3 now; "
        "name another --out, or repeat the first command to resume it\n"
    )


def test_workers_do_not_make_another_run(lesionkit, toy, data):
    lesionkit("run", "toy", data, "--out", "r")
    assert lesionkit("run", "toy", data, "--out", "r", "--workers", "2").exit_code == 0


def test_without_out_a_run_gets_a_folder_by_recipe_and_time(lesionkit, toy, data):
    lesionkit("run", "toy", data)
    (folder,) = Path("runs/toy").iterdir()
    assert (folder / "all.txt").exists()


def test_a_config_is_what_recipes_show_prints(lesionkit, toy, data):
    shown = lesionkit("recipes", "show", "toy", "--set", "learn.epochs=4").stdout
    assert "# How the toy learns.\nlearn:\n  # Passes over the data.\n  epochs: 4\n" in shown
    Path("my.yaml").write_text(shown)
    lesionkit("run", "toy", data, "--out", "r", "--config", "my.yaml")
    assert Path("r/all.txt").read_text() == "4"
    assert yaml.safe_load(Path("r/settings.yaml").read_text()) == yaml.safe_load(shown)


def test_index_writes_where_it_is_told(lesionkit, toy, data):
    assert "table.parquet" in lesionkit("index", data, "--recipe", "toy", "--out", "table.parquet").stdout


def test_prepare_passes_the_preview_on(lesionkit, toy, data):
    lesionkit("prepare", data, "--recipe", "toy", "--out", "r", "--preview")
    assert Path("r/prepared.txt").read_text() == "True"


def test_train_takes_the_settings_of_the_model_it_starts_from(lesionkit, toy, data, tmp_path):
    model = tmp_path / "model.safetensors"
    model.write_text("weights")
    lesionkit("train", "toy", data, "--out", "fresh", "--batch", "auto")
    assert Path("fresh/trained.txt").read_text() == "10 auto None"
    lesionkit("train", "toy", data, "--out", "tuned", "--from", model, "--batch", "4")
    assert Path("tuned/trained.txt").read_text() == f"77 4 {model}"


def test_find_names_the_bad_scan_and_the_exit_code_tells(lesionkit, toy, data):
    result = lesionkit("find", data, "--recipe", "toy", "--out", "r", "--series", "1.2.840", "--allow-gaps")
    assert result.exit_code == 3
    assert result.stderr == "warning: odd kernel\nfailed: 1.2.3: a slice is missing\n1 of 2 cases failed\n"
    assert Path("r/found.txt").read_text() == "1.2.840 True None"


def test_find_without_a_usable_scan_leaves_nothing_behind(lesionkit, toy, tmp_path):
    (tmp_path / "empty").mkdir()
    result = lesionkit("find", "empty", "--recipe", "toy", "--out", "r")
    assert (result.exit_code, result.stderr) == (2, "lesionkit: no scan in empty; give a folder of scans\n")
    assert not Path("r").exists()


@pytest.mark.parametrize("words", [["run", "toy", "nowhere"], ["find", "nowhere", "--recipe", "toy"]])
def test_data_that_are_not_there_are_one_sentence(lesionkit, toy, words):
    result = lesionkit(*words)
    assert (result.exit_code, result.stderr) == (
        2,
        "lesionkit: there is no file or folder nowhere; check the spelling\n",
    )
    assert not Path("runs").exists()


def test_a_recipe_whose_images_are_flat_has_no_page_of_three_planes(lesionkit, toy, data):
    lesionkit("run", "toy", data, "--out", "r")
    done = lesionkit("report", "r", "--viewer", "x")
    assert done.exit_code == 2
    assert "toy has no page of three planes; leave --viewer out" in done.stderr


def test_report_uses_the_settings_of_the_run(lesionkit, toy, data):
    lesionkit("run", "toy", data, "--out", "r", "--set", "learn.epochs=3")
    assert ["epochs", "3"] in [line.split() for line in lesionkit("report", "r").stdout.splitlines()]


def test_status_tells_stages_times_metrics_and_warnings(lesionkit, toy, data):
    lesionkit("run", "toy", data, "--out", "r")
    import json

    record = json.loads(Path("r/run.json").read_text())
    record["metrics"] = {"epoch": 3, "loss": 0.25}
    record["warnings"] = ["no lungs in case b"]
    record["stages"]["train"] = {"state": "running", "started": "now", "pid": 1, "host": "gone", "pid_started": 0}
    Path("r/run.json").write_text(json.dumps(record))
    lines = lesionkit("status", "r").stdout.splitlines()
    assert lines[0].startswith("r  toy, begun ")
    assert any(line.split()[:2] == ["all.txt", "done"] and "letters 2" in line for line in lines)
    assert any(line.split()[:2] == ["train", "interrupted"] for line in lines)
    assert lines[-2:] == ["latest: epoch 3, loss 0.25", "warning: no lungs in case b"]


def test_recipes_are_listed_with_a_line_each(lesionkit):
    for recipe in ("ct-nodule", "ct-nodule-rpn", "ct-nodule-two-stage"):
        (line,) = [line for line in lesionkit("recipes").stdout.splitlines() if line.split()[:1] == [recipe]]
        assert len(line.split()) > 3


def test_an_unknown_recipe_is_refused_with_a_suggestion(lesionkit, data):
    result = lesionkit("run", "ct-nodul", data)
    assert (result.exit_code, result.stderr) == (
        2,
        "lesionkit: unknown recipe 'ct-nodul'; did you mean 'ct-nodule'?\n",
    )


def test_sweep_shows_the_best_first_and_writes_a_config(lesionkit, toy, data):
    words = ["sweep", "toy", data, "--out", "s", "--search", "learn.x=uniform(0,6)", "--trials", "6"]
    result = lesionkit(*words)
    assert result.exit_code == 0
    assert "best.yaml" in result.stdout
    best = yaml.safe_load(Path("s/best.yaml").read_text())["learn"]["x"]
    first = result.stdout.splitlines()[1].split()
    assert first[1] == "complete"
    assert float(first[-1]) == pytest.approx(best, abs=1e-2)
    again = lesionkit(*words[:-1], "8")
    assert ["trials", "8"] in [line.split() for line in again.stdout.splitlines()]


def test_a_search_of_nothing_known_is_refused(lesionkit, toy, data):
    result = lesionkit("sweep", "toy", data, "--out", "s", "--search", "learn.y=1,2")
    assert (result.exit_code, result.stderr) == (
        2,
        "lesionkit: --set learn.y=1,2: unknown setting 'learn.y'; learn has epochs, batch, x\n",
    )
