import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.rows import Row, counts_up, is_unnamed, read_frame, read_rows, without_index


def table(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "table.csv"
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "a;b\r\n1;2\r\n", "a\tb\n1\t2", '"a", b \n 1,"2"\n'])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_separators_line_ends_and_encodings_of_spreadsheets_are_read_alike(tmp_path, text, encoding):
    path = table(tmp_path, text, encoding)
    assert read_rows(path) == [Row(1, ["a", "b"]), Row(2, ["1", "2"])]
    if '"' not in text:
        assert read_frame(path).to_dict("list") == {"a": ["1"], "b": ["2"]}


def test_a_comma_goes_before_a_semicolon(tmp_path):
    assert read_rows(table(tmp_path, "a,b;c\n"))[0].cells == ["a", "b;c"]


def test_a_comma_within_numbers_separates_nothing_where_semicolons_do(tmp_path):
    assert read_rows(table(tmp_path, "a;0,5\n"))[0].cells == ["a", "0,5"]


def test_blank_rows_count_but_are_left_out(tmp_path):
    path = table(tmp_path, "\n , \na,b\n\n1,2\n,\n3,4\n")
    assert [row.number for row in read_rows(path)] == [3, 5, 7]
    assert read_frame(path).index.tolist() == [5, 7]


def test_names_that_pandas_takes_for_nothing_stay_text(tmp_path):
    path = table(tmp_path, "id\nNA\nnull\n007\nnan\n")
    assert [row.cells[0] for row in read_rows(path)[1:]] == ["NA", "null", "007", "nan"]
    assert read_frame(path)["id"].tolist() == ["NA", "null", "007", "nan"]


def test_a_cell_may_hold_the_code_of_a_large_mask(tmp_path):
    code = "1 " * 100_000
    assert read_rows(table(tmp_path, f"a,b\nx,{code}\n"))[1].cells[1] == code.strip()


def test_a_column_that_only_numbers_rows_is_left_out(tmp_path):
    path = table(tmp_path, "Unnamed: 0,,id\n0,5,a\n1,7,b\n")
    assert [row.cells for row in without_index(read_rows(path))] == [["id"], ["a"], ["b"]]
    assert list(read_frame(path).columns) == ["id"]


@pytest.mark.parametrize("text", [",id\nx,a\n", ",id\n2,a\n1,b\n", "n,id\n0,a\n", "\n"])
def test_a_first_column_that_says_something_stays(tmp_path, text):
    rows = read_rows(table(tmp_path, text))
    assert without_index(rows) == rows


def test_what_counts_up_and_what_has_no_name():
    assert counts_up(["0", "3", "4"])
    assert not any(map(counts_up, (["1", "1"], ["a"], ["-1"], ["1.0"], [])))
    assert [name for name in ("", "Unnamed: 0", "unnamed: 0.1", "id") if is_unnamed(name)] == [
        "",
        "Unnamed: 0",
        "unnamed: 0.1",
    ]


def test_what_is_no_text_or_no_file_is_refused(tmp_path):
    path = table(tmp_path, "ä", "latin-1")
    with pytest.raises(LesionkitError, match=r"cannot read .*table\.csv.*; give a list"):
        read_rows(path, "a list")
    with pytest.raises(LesionkitError, match="must be a table with commas"):
        read_frame(path)
    with pytest.raises(LesionkitError, match="there is no such file"):
        read_frame(tmp_path / "none.csv")


def test_a_row_longer_than_the_header_is_refused(tmp_path):
    with pytest.raises(LesionkitError, match="Expected 1 fields in line 2, saw 2"):
        read_frame(table(tmp_path, "a\n1,2\n"))
