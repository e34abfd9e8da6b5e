import csv
import time

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.recipes.base import Recipe
from lesionkit.recipes.sweep import SweepSettings, sweep
from lesionkit.runs.run_folder import open_run
from lesionkit.runs.search_ranges import parse_search
from lesionkit.runs.settings_file import resolve


class Learn(Settings):
    x: float = 0.0
    kind: str = "round"


class Toy(Settings):
    learn: Learn = Learn()


BUDGET = SweepSettings(trials=12, minutes=1)
STEPS = 9


def quadratic(data, folder, settings, progress):
    """Best at x = 3; every step comes nearer to the final value."""
    for step in range(1, STEPS + 1):
        progress(step, -((settings.learn.x - 3) ** 2) - 1 / step)
    return -((settings.learn.x - 3) ** 2)


def toy(objective):
    nothing = None
    return Recipe("toy", "", Toy, *[nothing] * 10, objective)


@pytest.fixture
def go(tmp_path):
    data = tmp_path / "data"
    data.mkdir()

    def run_sweep(objective=quadratic, budget=BUDGET, searches=("learn.x=uniform(0,6)",), out="run"):
        parsed = [parse_search(Toy(), text) for text in searches]
        with open_run(tmp_path / out, "toy", Toy(), {"data": data, "search": "; ".join(searches)}) as run:
            return sweep(run, toy(objective), data, Toy(), parsed, budget)

    return run_sweep


def test_the_best_settings_come_first_and_are_usable_as_config(go, tmp_path):
    trials = go()
    assert len(trials) == 12
    assert trials[0].state == "complete"
    assert abs(trials[0].values["learn.x"] - 3) < 1
    best = resolve(Toy(), [tmp_path / "run" / "best.yaml"])
    assert best.learn.x == trials[0].values["learn.x"]


def test_trials_that_fall_behind_are_stopped_early(go):
    trials = go()
    stopped = [trial for trial in trials if trial.state == "stopped"]
    assert stopped
    assert all(len(trial.curve) < STEPS for trial in stopped)
    assert all(len(trial.curve) == STEPS for trial in trials if trial.state == "complete")


def test_the_same_seed_tries_the_same_values(go):
    assert [t.values for t in go(out="a")] == [t.values for t in go(out="b")]
    assert [t.values for t in go(out="a")] != [t.values for t in go(out="c", budget=SweepSettings(seed=1))]


def test_the_tables_hold_every_trial_and_every_point(go, tmp_path):
    trials = go()
    rows = list(csv.DictReader((tmp_path / "run" / "trials.csv").read_text().splitlines()))
    assert [int(row["trial"]) for row in rows] == [trial.number for trial in trials]
    assert float(rows[0]["learn.x"]) == trials[0].values["learn.x"]
    points = list(csv.DictReader((tmp_path / "run" / "curves.csv").read_text().splitlines()))
    assert len(points) == sum(len(trial.curve) for trial in trials)
    assert "learn.x" in (tmp_path / "run" / "sweep.html").read_text()


def test_choices_are_tried_as_they_were_typed(go, tmp_path):
    def prefers_square(data, folder, settings, progress):
        return 1.0 if settings.learn.kind == "square" else 0.0

    trials = go(prefers_square, searches=["learn.kind=round,square"])
    assert {trial.values["learn.kind"] for trial in trials} == {"round", "square"}
    assert resolve(Toy(), [tmp_path / "run" / "best.yaml"]).learn.kind == "square"


def test_an_interrupted_sweep_goes_on_and_tries_the_unfinished_trial_again(go):
    tried = []

    def interrupted_in_the_third(data, folder, settings, progress):
        tried.append(settings.learn.x)
        folder.mkdir(parents=True)
        if len(tried) == 3:
            raise KeyboardInterrupt
        return quadratic(data, folder, settings, progress)

    with pytest.raises(KeyboardInterrupt, match="to resume"):
        go(interrupted_in_the_third)
    again = []

    def remembers(data, folder, settings, progress):
        again.append(settings.learn.x)
        return quadratic(data, folder, settings, progress)

    trials = go(remembers)
    assert len(trials) == 12
    assert len(again) == 10
    assert again[0] == tried[2]
    assert len({trial.values["learn.x"] for trial in trials}) == 12


def test_a_larger_budget_continues_a_finished_sweep(go):
    first = go(budget=SweepSettings(trials=3))
    more = go(budget=SweepSettings(trials=5))
    assert {t.number for t in first} < {t.number for t in more}
    assert len(more) == 5


def test_the_time_of_all_trials_together_is_a_budget_too(go):
    def slow(data, folder, settings, progress):
        for step in range(1, 100):
            time.sleep(0.05)
            progress(step, 0.0)
        return 0.0

    start = time.monotonic()
    (trial,) = go(slow, SweepSettings(minutes=0.2 / 60))
    assert trial.state == "stopped"
    assert time.monotonic() - start < 4


def test_a_trial_that_cannot_be_done_is_told_and_the_others_go_on(go):
    def fails_on_the_left(data, folder, settings, progress):
        if settings.learn.x < 3:
            raise LesionkitError("x is too small")
        return float("nan") if settings.learn.x > 5.5 else 1.0

    trials = go(fails_on_the_left)
    assert len(trials) == 12
    errors = {trial.error for trial in trials if trial.state == "failed"}
    assert "x is too small" in errors
    assert errors <= {"x is too small", "the objective must be a finite number, got nan; did training diverge?"}


def test_a_recipe_without_an_objective_cannot_be_swept(go):
    with pytest.raises(LesionkitError, match="the recipe toy has no objective to sweep"):
        go(None)


def test_without_optuna_the_sentence_says_what_to_install(go, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "optuna", None)
    with pytest.raises(LesionkitError, match=r"needs Optuna, which is not installed; pip install 'lesionkit\[sweep\]'"):
        go()
