import json
import os
import socket
from pathlib import Path

import psutil
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.runs.run_folder import live_stage, open_run, read_run, reopen_run
from lesionkit.runs.settings_file import resolve


class Engine(Settings):
    workers: int = 1


class Toy(Settings):
    epochs: int = 10
    lr: float = 0.1
    engine: Engine = Engine()


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    (folder / "annotations.csv").write_text("seriesuid\n1.2.3\n")
    return folder


def finish(out, data, settings=None, recipe="toy"):
    with open_run(out, recipe, settings or Toy(), {"data": data}) as run:
        run.once("prepare", lambda: {"cases": 3})
    return run


def test_a_run_records_what_was_asked_with_what_and_how_long_it_took(tmp_path, data):
    record = read_run(finish(tmp_path / "run", data).path).record
    assert record["recipe"] == "toy"
    assert record["settings"] == {"epochs": 10, "lr": 0.1, "engine": {"workers": 1}}
    assert record["inputs"]["data"]["files"] == 1
    assert len(record["inputs"]["data"]["sha256"]) == 64
    assert {"python", "lesionkit", "numpy", "torch"} <= record["versions"].keys()
    stage = record["stages"]["prepare"]
    assert (stage["state"], stage["facts"]) == ("done", {"cases": 3})
    assert stage["started"] <= stage["ended"]
    assert stage["seconds"] >= 0


def test_the_settings_of_a_run_are_usable_as_a_config(tmp_path, data):
    run = finish(tmp_path / "run", data, Toy(epochs=3))
    assert resolve(Toy(), [run.path / "settings.yaml"]) == Toy(epochs=3)


def test_a_finished_stage_is_skipped_the_second_time_and_says_what_it_said(tmp_path, data):
    finish(tmp_path / "run", data)
    with open_run(tmp_path / "run", "toy", Toy(), {"data": data}) as run:
        assert run.once("prepare", lambda: pytest.fail("was done before")) == {"cases": 3}
        assert run.once("train", lambda: None) == {}
    assert "prepare: finished before, skipped" in (run.path / "log.txt").read_text()


def test_an_unfinished_stage_is_run_again(tmp_path, data):
    out = tmp_path / "run"

    def fail():
        (out / "half").write_text("")
        raise LesionkitError("3 of 3 cases have no lungs")

    with pytest.raises(LesionkitError, match="no lungs"), open_run(out, "toy", Toy(), {"data": data}) as run:
        run.once("prepare", fail)
    assert read_run(out).record["stages"]["prepare"]["state"] == "failed"
    assert read_run(out).record["stages"]["prepare"]["error"] == "3 of 3 cases have no lungs"
    assert finish(out, data).record["stages"]["prepare"]["state"] == "done"


def test_the_same_run_resumes_with_another_number_of_workers_and_from_another_place(tmp_path, data):
    finish(tmp_path / "run", data)
    moved = data.rename(tmp_path / "moved")
    run = finish(tmp_path / "run", moved, Toy(engine=Engine(workers=2)))
    assert run.record["inputs"]["data"]["path"] == str(moved)


@pytest.mark.parametrize(
    ("settings", "recipe", "sentence"),
    [
        (Toy(epochs=3), "toy", r"holds a different run: epochs was 10 and is 3 now; name another --out"),
        (Toy(), "other", r"recipe was toy and is other now"),
    ],
)
def test_a_folder_that_holds_a_different_run_is_refused_and_left_alone(tmp_path, data, settings, recipe, sentence):
    out = finish(tmp_path / "run", data).path
    before = {p: p.read_bytes() for p in out.iterdir()}
    with pytest.raises(LesionkitError, match=sentence):
        finish(out, data, settings, recipe)
    assert {p: p.read_bytes() for p in out.iterdir()} == before


def test_changed_data_are_a_different_run(tmp_path, data):
    finish(tmp_path / "run", data)
    (data / "annotations.csv").write_text("seriesuid\n1.2.4\n")
    with pytest.raises(LesionkitError, match=r"input.data was 1 files, hash \w+ and is 1 files, hash \w+ now"):
        finish(tmp_path / "run", data)


def test_many_differences_are_counted(tmp_path, data):
    finish(tmp_path / "run", data)
    (data / "more").write_text("x")
    with pytest.raises(LesionkitError, match="; and 1 more; name another"):
        finish(tmp_path / "run", data, Toy(epochs=1, lr=0.2), "other")


def test_a_folder_with_files_and_no_run_is_refused(tmp_path, data):
    (tmp_path / "thesis.txt").write_text("")
    with pytest.raises(
        LesionkitError, match="is not empty and holds no run of lesionkit; name a new or an empty folder"
    ):
        finish(tmp_path, data)
    assert not (tmp_path / "run.json").exists()


def test_an_empty_folder_is_taken(tmp_path, data):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".hidden").write_text("")
    assert finish(tmp_path / "run", data).path == tmp_path / "run"


def test_a_file_as_output_is_refused(tmp_path, data):
    with pytest.raises(LesionkitError, match=r"--out must be a folder, but .*annotations.csv is a file"):
        finish(data / "annotations.csv", data)


def test_an_output_that_cannot_be_made_is_one_sentence(data):
    with pytest.raises(LesionkitError, match=r"cannot write into /proc/nowhere: .*; choose a writable output folder"):
        finish(Path("/proc/nowhere"), data)


def test_missing_data_leave_no_folder_behind(tmp_path):
    with pytest.raises(LesionkitError, match=r"there is no file or folder .*nowhere; check the spelling"):
        finish(tmp_path / "runs" / "a", tmp_path / "nowhere")
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_before_it_wrote_anything_leaves_no_folder_behind(tmp_path, data):
    def fail():
        raise LesionkitError("no scans")

    out = tmp_path / "runs" / "toy" / "first"
    with pytest.raises(LesionkitError, match="no scans"), open_run(out, "toy", Toy(), {"data": data}) as run:
        run.once("index", fail)
    assert not (tmp_path / "runs").exists()


def test_an_interrupted_run_says_how_to_resume(tmp_path, data):
    def interrupt():
        (tmp_path / "run" / "weights").write_text("")
        raise KeyboardInterrupt

    with (
        pytest.raises(KeyboardInterrupt, match=r"to resume, run the same command with --out .*run"),
        open_run(tmp_path / "run", "toy", Toy(), {"data": data}) as run,
    ):
        run.once("train", interrupt)
    assert read_run(tmp_path / "run").record["stages"]["train"]["state"] == "interrupted"


def test_without_out_every_run_gets_a_folder_of_its_own(tmp_path, data, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = finish(None, data).path, finish(None, data).path
    assert first != second
    assert first.parent == second.parent == Path("runs") / "toy"


def test_a_run_another_process_works_on_is_refused(tmp_path, data):
    run = finish(tmp_path / "run", data)
    other = psutil.Process(os.getppid())
    marks = {"state": "running", "pid": other.pid, "pid_started": other.create_time(), "host": socket.gethostname()}
    run.record["stages"]["train"] = marks
    (run.path / "run.json").write_text(json.dumps(run.record))
    assert live_stage(read_run(run.path)) == "train"
    with pytest.raises(LesionkitError, match=r"is in use: process \d+ is at stage 'train'"):
        finish(run.path, data)
    # The same number given to a later process is not that process.
    marks["pid_started"] -= 100
    (run.path / "run.json").write_text(json.dumps(run.record))
    assert live_stage(read_run(run.path)) is None


def test_of_two_that_open_a_new_folder_at_once_the_second_is_refused(tmp_path, data):
    out = tmp_path / "run"
    with open_run(out, "toy", Toy(), {"data": data}) as run:
        with (
            pytest.raises(LesionkitError, match="is in use: another process is between two stages; wait for it"),
            open_run(out, "toy", Toy(), {"data": data}),
        ):
            pytest.fail("two processes in one run folder")
        said = "is in use: process {} is at stage 'train'"

        def train():
            with pytest.raises(LesionkitError, match=said.format(os.getpid())), reopen_run(out):
                pytest.fail("its page is written while it is worked on")

        run.once("train", train)
    with reopen_run(out) as again:
        assert again.record["stages"]["train"]["state"] == "done"


def test_a_folder_of_other_things_is_refused_and_left_as_it_is(tmp_path, data):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/letter.txt").write_text("")
    with pytest.raises(LesionkitError, match="is not empty and holds no run"):
        finish(tmp_path / "mine", data)
    assert [p.name for p in (tmp_path / "mine").iterdir()] == ["letter.txt"]


def test_metrics_and_warnings_are_kept_the_same_warning_once(tmp_path, data):
    with open_run(tmp_path / "run", "toy", Toy(), {"data": data}) as run:
        run.note(epoch=1, loss=0.5)
        run.note(loss=0.25)
        run.warn("no lungs in case b")
        run.warn("no lungs in case b")
    again = read_run(tmp_path / "run")
    assert again.record["metrics"] == {"epoch": 1, "loss": 0.25}
    assert again.warnings == ("no lungs in case b",)


def test_other_versions_are_a_warning_not_another_run(tmp_path, data):
    run = finish(tmp_path / "run", data)
    run.record["versions"]["numpy"] = "1.0"
    (run.path / "run.json").write_text(json.dumps(run.record))
    assert "resumed with other versions: numpy 1.0 -> " in finish(run.path, data).warnings[0]


@pytest.mark.parametrize("content", ["{", "[]", '{"recipe": "toy"}'])
def test_a_damaged_record_is_refused(tmp_path, content):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(LesionkitError, match=r"run.json is damaged .*; start again in another folder"):
        read_run(tmp_path)


@pytest.mark.parametrize("name", ["started", "versions"])
def test_a_record_without_what_every_page_tells_is_damaged(tmp_path, data, name):
    file = finish(tmp_path / "run", data).path / "run.json"
    record = json.loads(file.read_text())
    file.write_text(json.dumps({one: value for one, value in record.items() if one != name}))
    with pytest.raises(LesionkitError, match=r"run.json is damaged \(entries are missing\)"):
        read_run(tmp_path / "run")


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="holds no run"):
        read_run(tmp_path)


def test_a_stage_with_failed_cases_is_tried_again(tmp_path, data):
    calls = []

    def step():
        calls.append(1)
        return {"failed": {"a": "the disk is full"} if len(calls) == 1 else {}}

    for _ in range(3):
        with open_run(tmp_path / "r", "toy", Toy(), {"data": data}) as run:
            facts = run.once("prepare", step)
    assert len(calls) == 2
    assert facts == {"failed": {}}


def test_a_run_that_was_killed_before_its_settings_were_written_writes_them_when_it_goes_on(tmp_path, data):
    run = finish(tmp_path / "run", data)
    before = (run.path / "settings.yaml").read_bytes()
    (run.path / "settings.yaml").unlink()
    finish(tmp_path / "run", data)
    assert (run.path / "settings.yaml").read_bytes() == before


@pytest.mark.parametrize(("name", "value"), [("recipe", ["toy"]), ("settings", 3), ("stages", {"find": "done"})])
def test_a_record_with_something_else_where_a_word_or_a_table_stands_is_refused(tmp_path, data, name, value):
    folder = finish(tmp_path / "run", data).path
    record = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**record, name: value}))
    with pytest.raises(LesionkitError, match=rf"run\.json is damaged \('{name}' is of another form\)"):
        read_run(folder)
