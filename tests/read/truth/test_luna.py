import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.read.truth.luna import (
    lesions_by_case,
    read_annotations,
    read_case_table,
    read_marks,
    read_patients,
    read_series_list,
)
from lesionkit.write.candidates import write_candidates_csv
from lesionkit.write.truth import write_annotations, write_patients, write_series_list

HEADER = "seriesuid,coordX,coordY,coordZ,diameter_mm\n"
numbers = st.floats(-900, 900).map(lambda value: round(value, 4))
places = st.tuples(numbers, numbers, numbers)


def table(tmp_path, text, name="annotations.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def test_rows_are_numbered_as_in_a_spreadsheet(tmp_path):
    frame = read_annotations(table(tmp_path, HEADER + "1.2,1,2,3,4\n1.3,-1,-2,-3,-1\n"))
    assert frame.index.tolist() == [2, 3]
    assert frame.loc[3].tolist() == ["1.3", -1.0, -2.0, -3.0, 0.0]


def test_lesions_are_grouped_by_series_and_other_columns_become_facts(tmp_path):
    text = HEADER.replace("\n", ",texture\n") + "1.2,1,2,3,4,solid\n1.3,0,0,0,-1,\n1.2,5,6,7,8,\n"
    found = lesions_by_case(read_annotations(table(tmp_path, text)))
    assert found == {
        "1.2": (
            Lesion((1, 2, 3), 4, facts={"row": 2, "texture": "solid"}),
            Lesion((5, 6, 7), 8, facts={"row": 4}),
        ),
        "1.3": (Lesion((0, 0, 0), 0, facts={"row": 3}),),
    }


def test_a_bom_blanks_and_another_order_of_columns_do_no_harm(tmp_path):
    text = "\ufeffdiameter_mm, seriesuid, coordZ, coordY, coordX\n4, 100, 3, 2, 1\n"
    frame = read_annotations(table(tmp_path, text))
    assert frame.loc[2, ["seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"]].tolist() == ["100", 1, 2, 3, 4]


def test_numeric_case_ids_stay_text(tmp_path):
    frame = read_annotations(table(tmp_path, HEADER + "0012,1,2,3,4\n"))
    assert frame.loc[2, "seriesuid"] == "0012"


@pytest.mark.parametrize("name", ["NA", "null", "nan", "007", "None", "1e5"])
def test_whatever_a_case_is_called_stays_text(tmp_path, name):
    frame = read_annotations(table(tmp_path, HEADER + f"{name},1,2,3,4\n"))
    assert frame.loc[2, "seriesuid"] == name
    assert read_series_list(table(tmp_path, f"{name}\n", "s.csv")) == [name]
    assert read_patients(table(tmp_path, f"seriesuid,patient_id\nx,{name}\n", "p.csv")) == {"x": name}


def test_rows_without_anything_count_as_rows(tmp_path):
    text = "\n" + HEADER + "1.2,1,2,3,4\n\n,,,,\n1.3,1,2,x,4\n"
    with pytest.raises(LesionkitError, match="row 6: coordZ must be a finite number, got 'x'"):
        read_annotations(table(tmp_path, text))
    assert read_annotations(table(tmp_path, text.replace("x", "3"))).index.tolist() == [3, 6]


def test_the_column_that_pandas_writes_first_is_no_property_of_a_lesion(tmp_path):
    frame = read_annotations(table(tmp_path, f",{HEADER}0,1.2,1,2,3,4\n4,1.3,1,2,3,4\n"))
    assert list(frame.columns) == ["seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"]


def test_a_further_column_is_of_numbers_where_all_are_and_else_text(tmp_path):
    text = HEADER.replace("\n", ",grade,part,site\n") + "1,1,2,3,4,3,0.5,NA\n2,1,2,3,4,4,NA,\n3,1,2,3,4,5,2,x\n"
    frame = read_case_table(table(tmp_path, text))
    assert frame["grade"].tolist() == [3, 4, 5]
    assert frame["part"].isna().tolist() == [False, True, False]
    assert frame["site"].tolist() == ["NA", None, "x"]


def test_patients_of_a_table_of_cases_keep_their_names(tmp_path):
    frame = read_case_table(table(tmp_path, "seriesuid,patient_id\na,007\nb,7\nc,\n"))
    assert frame["patient_id"].tolist() == ["007", "7", None]


def test_two_columns_of_one_name_are_refused(tmp_path):
    with pytest.raises(LesionkitError, match="'coordX' comes twice"):
        read_annotations(table(tmp_path, HEADER.replace("\n", ",coordX\n") + "1,1,2,3,4,5\n"))


@given(lesions=st.lists(st.tuples(places, st.sampled_from([0.0, 3.0, 7.25])), max_size=5))
def test_annotations_come_back_as_they_were_written(tmp_path_factory, lesions):
    truth = {"1.2": [Lesion(place, diameter) for place, diameter in lesions]}
    path = write_annotations(tmp_path_factory.mktemp("t") / "annotations.csv", truth)
    found = lesions_by_case(read_annotations(path)).get("1.2", ())
    assert [(lesion.centre_mm, lesion.diameter_mm) for lesion in found] == lesions


@given(marks=st.lists(st.tuples(places, st.floats(0, 1), st.none() | st.just(6.5)), max_size=5))
def test_candidates_come_back_as_they_were_written(tmp_path_factory, marks):
    found = [Candidate(*mark) for mark in marks]
    frame = read_marks(write_candidates_csv(tmp_path_factory.mktemp("t") / "c.csv", {"1.2": found}))
    assert sorted(frame["probability"]) == sorted(candidate.score for candidate in found)
    assert frame["diameter_mm"].notna().sum() == sum(candidate.diameter_mm is not None for candidate in found)


@pytest.mark.parametrize(
    ("reader", "text", "message"),
    [
        (read_annotations, "seriesuid,coordX,coordY,coordZ\n", "coordX, coordY, coordZ; diameter_mm is missing"),
        (read_marks, HEADER, "probability is missing"),
        (read_annotations, HEADER + "1,1,2,3,4\n1,1,left,3,4\n", "row 3: coordY must be a finite number, got 'left'"),
        (read_annotations, HEADER + "1.2,1,2,inf,4\n", "row 2: coordZ must be a finite number, got 'inf'"),
        (read_annotations, HEADER + "1.2,1,2,3,\n", "row 2: diameter_mm must be a finite number, got ''"),
        (read_annotations, HEADER + ",1,2,3,4\n", "row 2: seriesuid must be given"),
        (read_annotations, "", "the file must be a table with commas"),
        (read_annotations, HEADER + "1.2,1,2,3,4,5,6\n1,1\n", "must be a table with commas"),
        (read_series_list, "", "the list of series must not be empty"),
        (read_series_list, "seriesuid\n1.2\n1.3\n1.2\n", "a series is listed once, but rows 2 and 4 both are '1.2'"),
        (read_patients, "seriesuid,patient\n1.2,p\n", "patient_id is missing"),
        (read_patients, "seriesuid,patient_id\n1.2,p\n1.2,q\n", "row 3: a series has one row, but '1.2' has two"),
        (read_patients, "seriesuid,patient_id\n1.2,\n", "row 2: patient_id must be given"),
    ],
)
def test_bad_tables_are_refused_with_the_row(tmp_path, reader, text, message):
    with pytest.raises(LesionkitError, match=message):
        reader(table(tmp_path, text))


@pytest.mark.parametrize("reader", [read_annotations, read_marks, read_series_list, read_patients])
def test_a_missing_table_is_named(tmp_path, reader):
    with pytest.raises(LesionkitError, match=r"nowhere.csv: .*(no such file|No such file)"):
        reader(tmp_path / "nowhere.csv")


@pytest.mark.parametrize("header", ["", "seriesuid\n"])
def test_a_series_list_may_have_a_header(tmp_path, header):
    assert read_series_list(table(tmp_path, header + "1.2\n\n1.3\n")) == ["1.2", "1.3"]


def test_series_lists_and_patients_come_back_as_they_were_written(tmp_path):
    assert read_series_list(write_series_list(tmp_path / "s.csv", ["1.2", "1.3"])) == ["1.2", "1.3"]
    assert read_patients(write_patients(tmp_path / "p.csv", {"1.2": "A", "1.3": "B"})) == {"1.2": "A", "1.3": "B"}


def test_the_reference_standard_of_luna16_is_read_whole(data):
    annotations = read_annotations(data / "luna16/annotations.csv")
    excluded = read_annotations(data / "luna16/annotations_excluded.csv")
    series = read_series_list(data / "luna16/seriesuids.csv")
    assert (len(annotations), len(excluded), len(series)) == (1183, 35144, 887)
    assert set(annotations["seriesuid"]) <= set(series)
    assert len(read_marks(data / "luna16/parity/submission.csv")) == 13893
