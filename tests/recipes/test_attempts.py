import pandas as pd
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings
from lesionkit.recipes.attempts import attempt, first_of, indexed, refuse_none
from lesionkit.recipes.base import Summary
from lesionkit.runs.run_folder import open_run

HERE = EngineSettings(backend="here")


def odd(number):
    if number % 2 == 0:
        raise LesionkitError(f"{number} is even")


def test_what_fails_is_named_and_the_rest_go_on():
    assert attempt(odd, [1, 2, 3, 4], HERE, str, "scan") == {"2": "2 is even", "4": "4 is even"}
    assert attempt(odd, [], HERE, str, "scan") == {}


def test_where_all_fail_the_first_reason_is_the_error():
    with pytest.raises(LesionkitError, match=r"^none of 2 scans of data can be prepared; the first: 2 is even$"):
        attempt(odd, [2, 4], HERE, str, "scan", "prepar", where="data")
    with pytest.raises(LesionkitError, match=r"^2 is even$"):
        attempt(odd, [2], HERE, str, "scan")


def test_a_reason_that_does_not_name_its_image_gets_the_name():
    assert first_of({"a": "no lungs", "b": "no lungs"}) == "the first, a: no lungs"
    refuse_none({"a": "no lungs"}, 2, "scan", "used")


def test_a_table_without_a_usable_image_is_taken_away(tmp_path):
    file = tmp_path / "r" / "catalogue.parquet"

    def write(failed):
        def table(out):
            pd.DataFrame({"a": [1]}).to_parquet(out)
            return Summary({"cases": 1}, (out,), failed, cases=1)

        return table

    with open_run(tmp_path / "r", "toy", Settings(), {}) as run:
        with pytest.raises(LesionkitError, match="none of 1 scans of data can be used; the first, a: no lungs"):
            indexed(run, "data", file, "scan", write({"a": "no lungs"}))
        assert not file.exists()
        assert indexed(run, "data", file, "scan", write({})) == {"cases": 1}
        assert indexed(run, "data", file, "scan", lambda _: pytest.fail("twice")) == {"cases": 1}
