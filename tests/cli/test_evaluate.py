import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file
from typer.testing import CliRunner

from lesionkit.cli.main import app
from lesionkit.evaluate.points import OperatingPoints, StoredPoint
from lesionkit.evaluate.score import Figure

HEADER = "seriesuid,coordX,coordY,coordZ"
Result = Any
Evaluate = Callable[..., Result]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two scans, a nodule in each; the marks hit both and miss once."""
    (tmp_path / "annotations.csv").write_text(f"{HEADER},diameter_mm,texture\na,0,0,0,10,solid\nb,5,5,5,8,soft\n")
    (tmp_path / "excluded.csv").write_text(f"{HEADER},diameter_mm\na,50,0,0,-1\n")
    (tmp_path / "seriesuids.csv").write_text("a\nb\n")
    marks = f"{HEADER},probability\na,1,0,0,0.9\nb,5,5,5,0.4\na,90,0,0,0.6\na,52,0,0,0.8\n"
    (tmp_path / "marks.csv").write_text(marks)
    (tmp_path / "worse.csv").write_text(f"{HEADER},probability\na,1,0,0,0.9\na,90,0,0,0.95\n")
    return tmp_path


@pytest.fixture
def evaluate(files: Path) -> Evaluate:
    def run(marks: str, *more: str) -> Result:
        truth = ["--truth", str(files / "annotations.csv"), "--excluded", str(files / "excluded.csv")]
        rest = ["--series", str(files / "seriesuids.csv"), "--marks", str(files / marks)]
        return CliRunner().invoke(app, ["evaluate", "luna16", *truth, *rest, *more])

    return run


def test_a_submission_becomes_a_folder_and_a_table(files: Path, evaluate: Evaluate) -> None:
    result = evaluate("marks.csv", "--out", str(files / "SCORE"), "--protocol", "exact", "--by", "texture")
    assert result.exit_code == 0, result.output
    written = {path.name for path in (files / "SCORE").iterdir()}
    assert written == {
        "score.json",
        "curve.csv",
        "subgroups.csv",
        "bootstrap.csv",
        "curve.png",
        "curve.svg",
        "score.html",
    }
    assert "cpm" in result.output
    assert "texture solid: 1 lesions" in result.output
    assert "Research use only; not a medical device." in result.output
    document = json.loads((files / "SCORE" / "score.json").read_text())
    assert document["protocol"] == "luna16 exact"
    assert document["counts"]["ignored_on_excluded"] == 1
    assert document["figures"]["sensitivity at 1/2"]["value"] == 1.0
    assert document["figures"]["sensitivity at 1/4"]["value"] == 0.5
    assert set(document["facts"]["inputs"]) == {"truth", "excluded", "series", "marks"}


def test_the_curve_file_holds_every_point_exactly(files: Path, evaluate: Evaluate) -> None:
    evaluate("marks.csv", "--out", str(files / "SCORE"), "--protocol", "exact")
    curve = pd.read_csv(files / "SCORE" / "curve.csv")
    points = curve[curve["curve"] == "FROC"][["x", "y", "threshold"]].to_numpy().tolist()
    assert points == [[0, 0, float("inf")], [0, 0.5, 0.9], [0.5, 0.5, 0.6], [0.5, 1, 0.4]]


def test_without_a_folder_only_the_table_is_shown(files: Path, evaluate: Evaluate) -> None:
    before = sorted(files.iterdir())
    assert evaluate("marks.csv").exit_code == 0
    assert sorted(files.iterdir()) == before


def test_marks_may_be_the_folder_of_a_run(files: Path, evaluate: Evaluate) -> None:
    (files / "RUN").mkdir()
    assert "RUN holds no candidates.csv; pass a table" in evaluate("RUN").output
    (files / "RUN" / "candidates.csv").write_text((files / "marks.csv").read_text())
    assert evaluate("RUN").exit_code == 0


def test_a_second_system_is_compared_in_pairs(files: Path, evaluate: Evaluate) -> None:
    result = evaluate("worse.csv", "--compare", str(files / "marks.csv"), "--out", str(files / "BOTH"))
    assert result.exit_code == 0, result.output
    assert "cpm: second - first" in result.output
    assert (files / "BOTH" / "first" / "score.json").is_file()
    document = json.loads((files / "BOTH" / "score.json").read_text())
    assert [curve["name"] for curve in document["curves"]] == ["first: FROC", "second: FROC"]
    assert document["figures"]["cpm: second - first"]["value"] > 0


def test_two_finished_scores_can_be_compared_later(files: Path, evaluate: Evaluate) -> None:
    evaluate("worse.csv", "--out", str(files / "A"))
    evaluate("marks.csv", "--out", str(files / "B"))
    result = CliRunner().invoke(app, ["evaluate", "compare", str(files / "A"), str(files / "B")])
    assert result.exit_code == 0, result.output
    assert "cpm: second - first" in result.output


def test_thresholds_of_an_earlier_score_are_applied(files: Path, evaluate: Evaluate) -> None:
    evaluate("marks.csv", "--out", str(files / "A"), "--protocol", "exact")
    result = evaluate("worse.csv", "--thresholds", str(files / "A"), "--out", str(files / "B"))
    assert result.exit_code == 0, result.output
    figures = json.loads((files / "B" / "score.json").read_text())["figures"]
    assert figures["sensitivity at the threshold for 1/2 false positives per scan"]["value"] == 0.5
    assert figures["false positives per case at the threshold for 1/2 false positives per scan"]["value"] == 0.5


def test_the_same_evaluation_may_be_repeated_and_another_is_refused(files: Path, evaluate: Evaluate) -> None:
    out = ("--out", str(files / "SCORE"))
    evaluate("marks.csv", *out)
    assert evaluate("marks.csv", *out).exit_code == 0
    for other in (evaluate("worse.csv", *out), evaluate("marks.csv", *out, "--protocol", "exact")):
        assert other.exit_code == 2
        assert "holds another evaluation (protocol 'luna16 official'); name another --out" in other.output


def test_a_folder_of_something_else_is_left_alone(files: Path, evaluate: Evaluate) -> None:
    result = evaluate("marks.csv", "--out", str(files))
    assert result.exit_code == 2
    assert "is not empty and holds no score" in result.output
    assert "must be a folder" in evaluate("marks.csv", "--out", str(files / "marks.csv")).output


def test_bad_input_ends_with_one_sentence_and_code_2(files: Path, evaluate: Evaluate) -> None:
    (files / "unknown.csv").write_text(f"{HEADER},probability\na,0,0,0,0.5\nc,0,0,0,0.5\n")
    result = evaluate("unknown.csv", "--out", str(files / "SCORE"))
    assert result.exit_code == 2
    assert "1 of 2 marks lie in series that are not listed, first row 3 (series 'c')" in result.output
    assert not (files / "SCORE").exists()
    assert evaluate("unknown.csv", "--ignore-unknown-series").exit_code == 0
    assert "Input should be 'official' or 'exact', got 'strict'" in evaluate("marks.csv", "--protocol", "strict").output
    assert "there is no column 'centre' to group by" in evaluate("marks.csv", "--by", "centre").output


def test_columns_of_scans_come_from_a_table_of_cases(files: Path, evaluate: Evaluate) -> None:
    (files / "cases.csv").write_text("seriesuid,centre\na,Aachen\nb,Bonn\n")
    result = evaluate("marks.csv", "--by", "centre", "--cases", str(files / "cases.csv"))
    assert "centre Aachen: 1 lesions" in result.output
    (files / "cases.csv").write_text("seriesuid,centre\na,Aachen\na,Bonn\n")
    result = evaluate("marks.csv", "--by", "centre", "--cases", str(files / "cases.csv"))
    assert "every series must be named once, but 1 of 2 rows are not, first row 3" in result.output


def test_warnings_go_to_the_error_stream(evaluate: Evaluate, files: Path) -> None:
    (files / "logits.csv").write_text(f"{HEADER},probability\na,0,0,0,7.5\n")
    result = evaluate("logits.csv")
    assert "warning: 1 of 1 probabilities lie outside [0, 1], first 7.5 in row 2" in result.stderr


def test_the_help_gives_examples_for_every_protocol() -> None:
    listed = CliRunner().invoke(app, ["evaluate", "--help"]).output
    for protocol in ("luna16", "camelyon16", "camelyon17", "siim", "slides", "readers", "compare"):
        assert protocol in listed
        assert "Examples:" in CliRunner().invoke(app, ["evaluate", protocol, "--help"]).output


def test_siim_codes_are_scored(files: Path) -> None:
    (files / "rle.csv").write_text("ImageId,EncodedPixels\nx,0 4\ny,-1\n")
    arguments = ["--truth", str(files / "rle.csv"), "--marks", str(files / "rle.csv"), "--shape", "4", "4"]
    result = CliRunner().invoke(app, ["evaluate", "siim", *arguments, "--out", str(files / "SIIM")])
    assert result.exit_code == 0, result.output
    document = json.loads((files / "SIIM" / "score.json").read_text())
    assert document["figures"]["dice"]["value"] == 1.0
    assert document["figures"]["all-empty baseline"]["value"] == 0.5


@pytest.fixture
def outlines(files: Path) -> Path:
    """One slide with a square tumour of 1 mm, hit once; one healthy slide without a file of outlines."""
    (files / "outlines").mkdir()
    square = [[4000, 4000], [8000, 4000], [8000, 8000], [4000, 8000]]
    outline = {"positive": [{"name": "a", "vertices": square}], "negative": []}
    (files / "outlines" / "tumor_001.json").write_text(json.dumps(outline))
    (files / "marks").mkdir()
    (files / "marks" / "tumor_001.csv").write_text("0.9,6000,6000\n0.4,100,100\n")
    (files / "marks" / "normal_001.csv").write_text("0.2,100,100\n")
    (files / "labels.csv").write_text("slide,label\ntumor_001,1\nnormal_001,0\n")
    return files


def test_marks_on_slides_are_scored(outlines: Path) -> None:
    arguments = ["--truth", str(outlines / "outlines"), "--marks", str(outlines / "marks")]
    arguments += ["--labels", str(outlines / "labels.csv"), "--out", str(outlines / "SCORE"), "--protocol", "exact"]
    result = CliRunner().invoke(app, ["evaluate", "camelyon16", *arguments])
    assert result.exit_code == 0, result.output
    document = json.loads((outlines / "SCORE" / "score.json").read_text())
    assert (document["protocol"], document["figures"]["cpm"]["value"]) == ("camelyon16 exact", 1.0)
    assert document["figures"]["slide AUC"]["value"] == 1.0


def test_scores_of_slides_do_not_go_with_a_comparison(outlines: Path) -> None:
    arguments = ["--truth", str(outlines / "outlines"), "--marks", str(outlines / "marks")]
    arguments += ["--compare", str(outlines / "marks"), "--slide-scores", str(outlines / "labels.csv")]
    result = CliRunner().invoke(app, ["evaluate", "camelyon16", *arguments])
    assert result.exit_code == 2
    assert "--slide-scores are of one system" in result.output


def test_stages_of_patients_are_scored(files: Path) -> None:
    (files / "stages.csv").write_text("patient,stage\npatient_000.zip,pN0\npatient_001.zip,pN1\n")
    table = str(files / "stages.csv")
    result = CliRunner().invoke(app, ["evaluate", "camelyon17", "--truth", table, "--marks", table])
    assert result.exit_code == 0, result.output
    assert "quadratic weighted kappa  1.0000" in result.output


def test_the_agreement_of_readers_is_told(files: Path) -> None:
    (files / "votes.csv").write_text("lesion,A,B,C\nn1,2,2,1\nn2,1,1,1\nn3,2,2,2\nn4,1,2,1\n")
    arguments = ["evaluate", "readers", "--readings", str(files / "votes.csv"), "--levels", "1, 2", "--ordered"]
    result = CliRunner().invoke(app, [*arguments, "--out", str(files / "AGREED")])
    assert result.exit_code == 0, result.output
    assert "fleiss kappa  0.3333" in result.output
    assert "A and B" in (files / "AGREED" / "score.html").read_text()


def test_slides_are_ranked(files: Path) -> None:
    (files / "labels.csv").write_text("slide,label\na,1\nb,1\nc,0\nd,0\n")
    (files / "scores.csv").write_text("slide,score\na,0.9\nb,0.4\nc,0.4\nd,0.1\n")
    arguments = ["--truth", str(files / "labels.csv"), "--marks", str(files / "scores.csv")]
    result = CliRunner().invoke(app, ["evaluate", "slides", *arguments, "--out", str(files / "SCORE")])
    assert result.exit_code == 0, result.output
    assert "slide AUC  0.8750" in result.output


def with_points(path: Path, name: str, threshold: float) -> Path:
    points = OperatingPoints((StoredPoint(name, threshold, {"sensitivity": Figure(0.8, 0.6, 0.9)}),), name, {})
    header = {"format": "lesionkit-1", "net": "{}", "card": json.dumps({"operating_points": points.to_card()})}
    save_file({"w": np.zeros(1, np.float16)}, path, metadata=header)
    return path


def test_the_points_of_a_model_are_applied_and_it_is_said_what_they_became(files: Path, evaluate: Evaluate) -> None:
    model = with_points(files / "m.safetensors", "1 false positive a scan", 0.5)
    result = evaluate("marks.csv", "--out", str(files / "S"), "--model", str(model))
    assert result.exit_code == 0, result.output
    figures = json.loads((files / "S/score.json").read_text())["figures"]
    became = figures["sensitivity at the threshold for 1 false positive a scan"]
    assert (became["value"], became["lower"] < became["upper"]) == (0.5, True)
    assert became["note"].startswith("1 of 2 lesions at threshold 0.5 (1 false positive a scan where it was set)")
    assert became["note"].endswith("0.800 (0.600 to 0.900) there")
    assert figures["false positives per scan at the threshold for 1 false positive a scan"]["value"] == 0.5


def test_the_points_of_a_model_are_applied_to_scores_of_slides_and_of_radiographs(files: Path) -> None:
    model = with_points(files / "m.safetensors", "sensitivity 95 %", 0.5)
    (files / "labels.csv").write_text("slide,label\na,1\nb,1\nc,0\nd,0\n")
    (files / "scores.csv").write_text("slide,score,decided\na,0.9,1\nb,0.4,0\nc,0.6,1\nd,0.1,0\n")
    (files / "rle.csv").write_text("ImageId,EncodedPixels\na,0 2\nb,1 1\nc,-1\nd,-1\n")
    (files / "masks.csv").write_text("ImageId,EncodedPixels,score\na,0 2,0.9\nb,-1,0.4\nc,-1,0.6\nd,-1,0.1\n")
    for words in (
        ["slides", "--truth", "labels.csv", "--marks", "scores.csv"],
        ["siim", "--truth", "rle.csv", "--marks", "masks.csv", "--shape", "4", "4"],
    ):
        given = [str(files / word) if word.endswith(".csv") else word for word in words]
        out = files / words[0]
        result = CliRunner().invoke(app, ["evaluate", *given, "--model", str(model), "--out", str(out)])
        assert result.exit_code == 0, result.output
        figures = json.loads((out / "score.json").read_text())["figures"]
        values = [
            figures[f"{n} at the threshold for sensitivity 95 %"]["value"] for n in ("sensitivity", "specificity")
        ]
        assert values == [0.5, 0.5]


def test_a_model_without_points_or_marks_without_scores_are_refused(files: Path, evaluate: Evaluate) -> None:
    header = {"format": "lesionkit-1", "net": "{}", "card": "{}"}
    save_file({"w": np.zeros(1, np.float16)}, files / "bare.safetensors", metadata=header)
    assert (
        "must name a model with operating points, but"
        in evaluate("marks.csv", "--model", str(files / "bare.safetensors")).output
    )
    (files / "rle.csv").write_text("ImageId,EncodedPixels\na,0 2\n")
    words = [
        "--truth",
        str(files / "rle.csv"),
        "--marks",
        str(files / "rle.csv"),
        "--model",
        str(files / "bare.safetensors"),
    ]
    assert (
        "the marks have none; give a column score"
        in CliRunner().invoke(app, ["evaluate", "siim", *words, "--shape", "4", "4"]).output
    )
