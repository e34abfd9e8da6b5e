import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.readings import read_readings


def table(tmp_path, text):
    path = tmp_path / "votes.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_answers_are_text_by_item_and_reader(tmp_path):
    found = read_readings(table(tmp_path, "\ufefflesion, A ,B\nn1,yes,no\n\nn2, 2 ,03\n"))
    assert found.to_dict("index") == {"n1": {"A": "yes", "B": "no"}, "n2": {"A": "2", "B": "3"}}


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("item,A,B\na,1.0,1\nb,0.0,0\n", [["1", "1"], ["0", "0"]]),
        ("item,A,B\na,1,true\nb,0,FALSE\n", [["1", "1"], ["0", "0"]]),
        ("item,A,B\na,Yes,1.0\nb,No,0.0\n", [["Yes", "Yes"], ["No", "No"]]),
        ("item,A,B\na,true,yes\nb,no,false\n", [["true", "true"], ["no", "no"]]),
        ("item,A,B\na,Yes,yes\nb,no,NO\n", [["Yes", "Yes"], ["no", "no"]]),
        ("item,A,B\na,2.50,2.5\nb,03,3\n", [["2.5", "2.5"], ["3", "3"]]),
        ("item,A,B\na,none,None\nb,mild,severe\n", [["none", "none"], ["mild", "severe"]]),
        # Of grades 0 to 2 nobody knows what yes would be.
        ("item,A,B\na,2,yes\nb,0,1\n", [["2", "yes"], ["0", "1"]]),
    ],
)
def test_equal_answers_get_one_spelling(tmp_path, text, answers):
    assert read_readings(table(tmp_path, text)).to_numpy().tolist() == answers


def test_levels_say_how_answers_are_spelled(tmp_path):
    path = table(tmp_path, "item,A,B\na,1,true\nb,0,false\nc,0,1.0\n")
    assert read_readings(path, ["no", "yes"]).to_numpy().tolist() == [["yes", "yes"], ["no", "no"], ["no", "yes"]]
    assert read_readings(path, ["00", "01"]).loc["a"].tolist() == ["01", "01"]


@pytest.mark.parametrize(
    "text",
    [
        ",item,A,B\n0,a,1,1\n1,b,0,0\n",
        "Unnamed: 0.1,Unnamed: 0,item,A,B\n0,0,a,1,1\n5,1,b,0,0\n",
        "item,A,B,\na,1,1,\nb,0,0,\n",
    ],
)
def test_columns_that_say_nothing_are_no_readers(tmp_path, text):
    assert read_readings(table(tmp_path, text)).to_dict("index") == {
        "a": {"A": "1", "B": "1"},
        "b": {"A": "0", "B": "0"},
    }


def test_a_count_without_a_name_is_the_item_where_no_column_of_names_follows(tmp_path):
    assert list(read_readings(table(tmp_path, ",A,B\n0,1,1\n1,1,0\n")).index) == ["0", "1"]
    assert list(read_readings(table(tmp_path, ",A,B\n0,1,0\n1,0,1\n")).index) == ["0", "1"]


@pytest.mark.parametrize("name", ["NA", "null", "007"])
def test_whatever_an_item_is_called_stays_text(tmp_path, name):
    assert list(read_readings(table(tmp_path, f"item,A,B\n{name},1,1\n")).index) == [name]


@pytest.mark.parametrize("word", ["NA", "nan", "null"])
def test_a_word_for_no_answer_is_refused_unless_it_is_a_level(tmp_path, word):
    path = table(tmp_path, f"item,A,B\na,1,{word}\n")
    with pytest.raises(LesionkitError, match="leave out items that somebody did not read"):
        read_readings(path)
    assert read_readings(path, ["1", word.lower()]).loc["a", "B"] == word.lower()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"at least two readers .* got 0 row\(s\), the first with nothing"),
        ("lesion,A\nn1,yes\n", r"at least two readers .* the first with lesion, A"),
        ("lesion,A,A\nn1,yes,no\n", "of different names"),
        ("lesion,A,B\n", r"got 1 row\(s\)"),
        ("lesion,A,B\nn1,yes\n", "row 2, must have an item and the answer of each of the 2 readers, got n1, yes;"),
        ("lesion,A,,B\nn1,yes,no,no\n", "different names, .* the first with lesion, A, no name, B"),
        ("lesion,A,B\nn1,yes,\nn2,no,no\n", "leave out items that somebody did not read"),
        ("lesion,A,B\nn1,yes,no\nn1,no,no\n", "row 3, must be an item of its own, but 'n1' is there already"),
    ],
)
def test_a_table_that_cannot_be_counted_is_refused(tmp_path, text, message):
    with pytest.raises(LesionkitError, match=message):
        read_readings(table(tmp_path, text))


def test_no_file_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="give a readable CSV table"):
        read_readings(tmp_path / "none.csv")
