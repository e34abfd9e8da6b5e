from pathlib import Path

import pytest
import typer

from lesionkit.cli.conclusion import conclude
from lesionkit.recipes.base import Summary


def test_the_last_lines_tell_what_came_out_and_where_it_lies(capsys):
    conclude("find scan", Summary({"candidates": 12, "seconds": 3.14159}, (Path("run/report.html"),)), Path("run"))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        ["find", "scan"],
        ["candidates", "12"],
        ["seconds", "3.142"],
        ["written", "run/report.html"],
        ["run", "folder", "run"],
    ]


def test_warnings_go_to_stderr(capsys):
    conclude("find", Summary(warnings=("kernel B80f was not in the training data",)))
    assert capsys.readouterr().err == "warning: kernel B80f was not in the training data\n"


@pytest.mark.parametrize(("cases", "code"), [(3, 3), (1, 2), (0, 2)])
def test_failed_cases_are_named_and_the_exit_code_says_whether_any_went_well(capsys, cases, code):
    with pytest.raises(typer.Exit) as ended:
        conclude("find", Summary(failed={"1.2.3": "slice 7 is missing"}, cases=cases))
    assert ended.value.exit_code == code
    assert capsys.readouterr().err.startswith("failed: 1.2.3: slice 7 is missing\n1 of ")


def test_of_many_sentences_the_first_ten_are_shown_and_all_are_counted(capsys):
    with pytest.raises(typer.Exit):
        conclude("find", Summary(failed={str(n): "bad" for n in range(12)}, warnings=("odd",) * 11, cases=20))
    lines = capsys.readouterr().err.splitlines()
    assert lines[10] == "… and 1 more warnings; what was written names them all"
    assert lines[21:] == ["… and 2 more failures; what was written names them all", "12 of 20 cases failed"]


def test_a_sentence_that_names_its_scan_is_not_told_twice(capsys):
    with pytest.raises(typer.Exit):
        conclude("find", Summary(failed={"/data/a.mha": "/data/a.mha: the file is truncated"}, cases=2))
    assert capsys.readouterr().err.startswith("failed: /data/a.mha: the file is truncated\n1 of 2")


def test_a_long_title_and_a_long_path_are_not_cut(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    conclude("find " + "x" * 60, Summary(paths=(Path("y" * 60),)))
    out = capsys.readouterr().out
    assert "find " + "x" * 60 in out
    assert out.count("y") == 60
