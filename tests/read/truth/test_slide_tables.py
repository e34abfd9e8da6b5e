import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.slide_tables import (
    label_entries,
    labels_by,
    paired_tables,
    read_patients_table,
    read_slide_labels,
    read_slide_patients,
    read_slide_scores,
    score_entries,
    scores_by,
)

CLAM = "case_id,slide_id,label\np1,a,tumor_tissue\np1,b,tumor_tissue\np2,c,normal_tissue\n"


@pytest.fixture
def write(tmp_path):
    def write_text(text, name="table.csv"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


@pytest.mark.parametrize(
    "text",
    [
        "slide,tumor_prob\na,0.9\nb,0.1\n",
        "slide,n_tiles,score\na,10,0.9\nb,900,0.1\n",
        "slide,site,tumor_prob\na,x,0.9\nb,y,0.1\n",
        ",slide,tumor_prob\n0,a,0.9\n1,b,0.1\n",
        "tumor_prob,slide_id\n0.9,a\n0.1,b\n",
        "a,x,0.9\nb,y,0.1\n",
        "case_id,slide_id,probability\np,a,0.9\np,b,0.1\n",
        "id;p\na;0.9\nb;0.1\n",
    ],
)
def test_the_score_is_the_column_named_so_or_the_only_one_of_numbers(write, text):
    assert read_slide_scores(write(text)) == {"a": 0.9, "b": 0.1}


@pytest.mark.parametrize(
    ("text", "several"),
    [
        ("slide,prob_normal,prob_tumor\na,0.1,0.9\nb,0.8,0.2\n", "prob_normal, prob_tumor"),
        ("slide,n_tiles,tumor_prob\na,10,0.9\nb,900,0.2\n", "n_tiles, tumor_prob"),
        ("slide_id,Y,Y_hat,p_0,p_1\na,1,1,0.1,0.9\n", "Y, Y_hat, p_0, p_1"),
        ("slide,score,probability\na,1,0.9\n", "probability, score"),
        ("a,1,0.9\n", "number 2, number 3"),
    ],
)
def test_of_several_columns_none_is_guessed(write, text, several):
    with pytest.raises(
        LesionkitError, match=f"must say which column is the score, but several may be: {several}; name"
    ):
        read_slide_scores(write(text))


def test_the_column_of_scores_can_be_named(write):
    path = write("slide,prob_normal,Prob Tumor\na,0.1,0.9\nb,0.8,0.2\n")
    assert read_slide_scores(path, "prob_tumor") == {"a": 0.9, "b": 0.2}
    with pytest.raises(LesionkitError, match=r"must have the column 'p_1', got slide, prob_normal, Prob Tumor"):
        read_slide_scores(path, "p_1")


def test_labels_and_patients_come_from_the_columns_of_one_table(write):
    assert read_slide_labels(write(CLAM)) == {"a": True, "b": True, "c": False}
    assert read_slide_patients(write(CLAM)) == {"a": "p1", "b": "p1", "c": "p2"}
    assert read_slide_patients(write("slide,label\na,1\n")) == {}
    with pytest.raises(LesionkitError, match="row 3: slide 'a' has two patients; keep one"):
        read_slide_patients(write("slide,patient\na,p\na,q\n"))


def test_a_table_of_patients_must_name_them(write):
    assert read_patients_table(write("slide,patient_id\na.tif,007\n")) == {"a": "007"}
    assert read_patients_table(write("file_name,patient\na.tif,NA\n")) == {"a": "NA"}
    assert read_patients_table(write(CLAM)) == {"a": "p1", "b": "p1", "c": "p2"}
    with pytest.raises(LesionkitError, match="must have the columns slide,patient_id, got slide, label"):
        read_patients_table(write("slide,label\na,1\n"))


def test_several_columns_that_may_be_labels_are_refused(write):
    with pytest.raises(LesionkitError, match="which column is the label, but several may be: er, pr; call it label"):
        read_slide_labels(write("slide,er,pr\na,1,0\nb,0,1\n"))
    assert read_slide_labels(write("slide,tumor,label\na,0,1\n")) == {"a": True}


@pytest.mark.parametrize("name", ["NA", "null", "007", "nan"])
def test_whatever_a_slide_is_called_stays_text(write, name):
    assert read_slide_labels(write(f"slide,label\n{name},1\n")) == {name: True}
    assert read_slide_scores(write(f"{name},0.5\n")) == {name: 0.5}


def test_tables_are_joined_by_slides_where_both_name_them(write):
    labels, scores = paired_tables(write(CLAM), write("slide_id,prob\na.svs,0.9\nb.svs,0.8\nc.svs,0.1\n", "s.csv"))
    assert labels == {"a": True, "b": True, "c": False}
    assert scores == {"a": 0.9, "b": 0.8, "c": 0.1}


def test_tables_are_joined_by_cases_where_one_names_only_these(write):
    labels, scores = paired_tables(write(CLAM), write("case_id,prob\np1,0.9\np2,0.1\n", "s.csv"))
    assert (labels, scores) == ({"p1": True, "p2": False}, {"p1": 0.9, "p2": 0.1})


def test_a_table_without_a_known_header_may_name_cases_as_well(write):
    labels, _ = paired_tables(write(CLAM), write("case_id,slide_id,p\np1,x,0.9\np2,y,0.1\n", "s.csv"))
    assert labels == {"p1": True, "p2": False}


def test_a_case_whose_slides_differ_has_no_label(write):
    path = write(CLAM.replace("b,tumor", "b,normal"))
    with pytest.raises(LesionkitError, match="row 3: case 'p1' has rows with and without tumour"):
        paired_tables(path, write("case_id,prob\np1,0.9\np2,0.1\n", "s.csv"))


def test_slides_and_cases_cannot_be_joined(write):
    with pytest.raises(LesionkitError, match=r"names slides and .* names cases, so that they cannot be joined"):
        paired_tables(write("slide,label\na,1\n"), write("case_id,prob\np1,0.9\n", "s.csv"))


def test_scores_of_a_case_with_several_rows_are_refused(write):
    entries = score_entries(write("case_id,slide_id,prob\np1,a,0.9\np1,b,0.8\n"))
    assert list(scores_by("t", entries, "slide")) == ["a", "b"]
    with pytest.raises(LesionkitError, match="row 3: case 'p1' is there twice; keep one row per case"):
        scores_by("t", entries, "case")


def test_rows_are_named_as_a_spreadsheet_counts(write):
    entries = label_entries(write("\nslide,label\n\na,maybe\n"))
    with pytest.raises(LesionkitError, match=r"t, row 4: a label must be 0 or 1, .* got 'maybe' for 'a'"):
        labels_by("t", entries, "slide")
