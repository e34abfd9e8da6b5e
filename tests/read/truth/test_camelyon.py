import os
from pathlib import Path

import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.camelyon import read_mark_folder, read_slide_labels, read_slide_scores, read_stage_table

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[3] / "../shared/data"))


@pytest.fixture
def write(tmp_path):
    def write_text(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


# --- marks


def test_marks_are_read_by_slide(write):
    write("0.9,100,200\n0.5,1,2\n", "Test_001.csv")
    folder = write("", "Test_002.csv").parent
    marks = read_mark_folder(folder)
    assert list(marks) == ["Test_001", "Test_002"]
    assert marks["Test_001"].tolist() == [[0.9, 100, 200], [0.5, 1, 2]]
    assert marks["Test_002"].shape == (0, 3)


def test_a_header_may_name_the_columns_of_marks_in_any_order(write):
    folder = write("X, Y, Confidence\n100,200,0.9\n", "Test_001.tif.csv").parent
    assert read_mark_folder(folder)["Test_001"].tolist() == [[0.9, 100, 200]]


@pytest.mark.parametrize("text", [",probability,x,y\n0,0.9,100,200\n", "0.9,100,200,,\n", "0.9;100;200\n"])
def test_marks_may_have_an_index_empty_cells_and_other_separators(write, text):
    assert read_mark_folder(write(text, "a.csv").parent)["a"].tolist() == [[0.9, 100, 200]]


def test_marks_of_a_slide_in_two_files_are_taken_together(write):
    write("0.9,1,2\n", "Test_001.csv")
    folder = write("0.5,3,4\n", "Test_001.tif.csv").parent
    assert sorted(read_mark_folder(folder)["Test_001"].tolist()) == [[0.5, 3, 4], [0.9, 1, 2]]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0.9,1,2\n0.8,-3,2\n", r"Test_001\.csv, row 2: x and y must be pixels of the finest level, not negative"),
        ("0.9,1,2\nnan,3,2\n", "row 2 must be a finite probability, x and y, got 'nan,3,2'"),
        ("0.9,1,2\n\n0.8,3\n", "row 3 must be a finite probability, x and y, got '0.8,3'"),
        ("0,0.9,1,2\n1,0.8,3,4\n", "row 1 must be a finite probability, x and y, got '0,0.9,1,2'"),
        ("score,x,y,probability\n90,1,2,0.9\n", "one column of probabilities, got probability and score"),
        ("score,x\n0.9,1\n", "must have the columns probability, x and y, got score, x"),
    ],
)
def test_marks_that_cannot_be_are_refused_by_file_and_row(write, text, sentence):
    folder = write(text, "Test_001.csv").parent
    with pytest.raises(LesionkitError, match=sentence):
        read_mark_folder(folder)


def test_a_folder_without_marks_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="must be a folder of CSV files, one per slide"):
        read_mark_folder(tmp_path)
    with pytest.raises(LesionkitError, match="must be a folder of CSV files"):
        read_mark_folder(tmp_path / "nowhere")


# --- stages


def test_patients_and_nodes_are_told_apart(write):
    table = read_stage_table(write("patient,stage\npatient_000.zip,pN1\npatient_000_node_0.tif,Macro\n"))
    assert table.to_dict("records") == [
        {"patient_id": "patient_000", "node": "", "label": "pN1", "row": 2},
        {"patient_id": "patient_000", "node": "patient_000_node_0", "label": "macro", "row": 3},
    ]


def test_a_stage_table_needs_its_columns_and_values(write):
    with pytest.raises(LesionkitError, match="must have the columns patient, stage, got patient, label"):
        read_stage_table(write("patient,label\n"))
    with pytest.raises(LesionkitError, match="row 2 must have 2 values like the header, got 1"):
        read_stage_table(write("patient,stage\npatient_000.zip\n"))
    with pytest.raises(LesionkitError, match="row 3 must name a patient or node and its stage"):
        read_stage_table(write("patient,stage\npatient_000.zip,pN0\npatient_001.zip,\n"))


@pytest.mark.skipif(not DATA.is_dir(), reason="needs the tables of CAMELYON17 in LESIONKIT_DATA")
def test_the_real_stage_table_holds_100_patients_of_five_nodes():
    table = read_stage_table(DATA / "slide" / "camelyon17_stage_labels.csv")
    assert (table["node"] == "").sum() == 100
    assert table.loc[table["node"] != "", "patient_id"].value_counts().eq(5).all()


# --- slide scores and labels


@pytest.mark.parametrize(
    "text",
    [
        "Slide001,0.25\nSlide002,3\n",
        "slide,score\nSlide001,0.25\nSlide002,3\n",
        "image,class,probability\nSlide001.mrxs,x,0.25\nSlide002.mrxs,y,3\n",
    ],
)
def test_slide_scores_are_read_with_or_without_header(write, text):
    assert read_slide_scores(write(text)) == {"Slide001": 0.25, "Slide002": 3.0}


@pytest.mark.parametrize(
    "text",
    [
        "a,1\nb,0\n",
        "a,Tumor,IDC,Macro\nb,Normal,None,None\n",
        "slide,label\na.tif,positive\nb.tif,negative\n",
        "slide_id,site,label\na,x,1.0\nb,y,0.0\n",
    ],
)
def test_slide_labels_are_read_in_their_variants(write, text):
    assert read_slide_labels(write(text)) == {"a": True, "b": False}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,0.5\nb,inf\n", "row 2: a score must be a finite number, got 'inf' for 'b'"),
        ("a,0.5\nb,high\n", "row 2: a score must be a finite number, got 'high'"),
        ("a,0.5\na.tif,0.6\n", "row 2: slide 'a' is there twice"),
        ("a,0.5\nb\n", "row 2 must name a slide and a value, got 'b'"),
        ("slide,score\n", "must have one row per slide, but there is none"),
    ],
)
def test_slide_scores_that_cannot_be_are_refused_by_row(write, text, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        read_slide_scores(write(text))


def test_another_label_is_refused_by_row(write):
    with pytest.raises(LesionkitError, match=r"row 2: a label must be 0 or 1, normal or tumor, .* got 'maybe' for 'b'"):
        read_slide_labels(write("a,1\nb,maybe\n"))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LesionkitError, match=r"cannot read .*none\.csv"):
        read_slide_scores(tmp_path / "none.csv")
