import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.readings import read_readings


def table(tmp_path, text):
    path = tmp_path / "votes.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_answers_are_text_by_item_and_reader(tmp_path):
    found = read_readings(table(tmp_path, "\ufefflesion, A ,B\nn1,yes,no\n\nn2, 2 ,02\n"))
    assert found.to_dict("index") == {"n1": {"A": "yes", "B": "no"}, "n2": {"A": "2", "B": "02"}}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"at least two readers .* got 0 row\(s\), the first with nothing"),
        ("lesion,A\nn1,yes\n", r"at least two readers .* the first with lesion, A"),
        ("lesion,A,A\nn1,yes,no\n", "of different names"),
        ("lesion,A,B\n", r"got 1 row\(s\)"),
        ("lesion,A,B\nn1,yes\n", "row 2, must have an item and the answer of each of the 2 readers, got n1, yes;"),
        ("lesion,A,B\nn1,yes,\n", "leave out items that somebody did not read"),
        ("lesion,A,B\nn1,yes,no\nn1,no,no\n", "row 3, must be an item of its own, but 'n1' is there already"),
    ],
)
def test_a_table_that_cannot_be_counted_is_refused(tmp_path, text, message):
    with pytest.raises(LesionkitError, match=message):
        read_readings(table(tmp_path, text))


def test_no_file_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="must be a readable CSV table"):
        read_readings(tmp_path / "none.csv")
