import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.siim import read_siim_table

ROWS = [("a", "1 2"), ("b", "-1"), ("a", "5 1")]


@pytest.fixture
def write(tmp_path):
    def write_text(text):
        path = tmp_path / "table.csv"
        path.write_text(text, encoding="utf-8")
        return path

    return write_text


@pytest.mark.parametrize(
    "text",
    [
        "ImageId,EncodedPixels\na,1 2\nb,-1\na,5 1\n",
        "ImageId, EncodedPixels\na, 1 2\nb, -1\na, 5 1\n",
        "ImageId,EncodedPixels\na,1 2\nb,\na,5 1\n",
        '"ImageId","EncodedPixels"\n"a","1 2"\n"b"," -1"\n"a","5 1"\n',
        "image_id,encoded_pixels\na,1 2\nb,-1\na,5 1\n",
        "\ufeffImageId,EncodedPixels\r\na,1 2\r\nb,-1\r\na,5 1\r\n",
        "EncodedPixels,ImageId\n1 2,a\n-1,b\n5 1,a\n",
    ],
)
def test_variants_of_the_header_and_of_empty_are_read_alike(write, text):
    table = read_siim_table(write(text))
    assert [*zip(table["image_id"], table["encoded"], strict=True)] == ROWS
    assert table["row"].tolist() == [2, 3, 4]


def test_a_table_without_header_is_read(write):
    table = read_siim_table(write("a,1 2\nb,-1\na,5 1\n"))
    assert [*zip(table["image_id"], table["encoded"], strict=True)] == ROWS
    assert table["row"].tolist() == [1, 2, 3]


def test_further_columns_are_kept_as_numbers_or_text(write):
    table = read_siim_table(write("ImageId,EncodedPixels,PatientId,score,view\na,-1,007,0.25,PA\n"))
    assert table["patient_id"].tolist() == ["007"]
    assert table["score"].tolist() == [0.25]
    assert table["view"].tolist() == ["PA"]


@pytest.mark.parametrize("word", ["", "NaN", "nan", "NA", "null", "None", "-1"])
def test_a_word_for_no_value_is_no_finding(write, word):
    assert read_siim_table(write(f"ImageId,EncodedPixels\na,{word}\n"))["encoded"].tolist() == ["-1"]
    assert read_siim_table(write(f"a,{word}\nb,0 1\n"))["row"].tolist() == [1, 2]


@pytest.mark.parametrize("name", ["NA", "null", "007", "nan"])
def test_whatever_an_image_is_called_stays_text(write, name):
    assert read_siim_table(write(f"ImageId,EncodedPixels\n{name},-1\n"))["image_id"].tolist() == [name]


def test_the_column_that_pandas_writes_first_is_left_out(write):
    table = read_siim_table(write(",ImageId,EncodedPixels\n0,a,-1\n1,b,0 1\n"))
    assert list(table.columns) == ["image_id", "encoded", "row"]


def test_rows_keep_their_number_in_the_file_behind_blank_lines(write):
    assert read_siim_table(write("ImageId,EncodedPixels\n\na,1 2\n"))["row"].tolist() == [3]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must hold rows of ImageId and EncodedPixels, but it is empty"),
        ("ImageId,EncodedPixels\n", "must hold at least one image, got a header and no rows"),
        ("ImageId,mask\na,-1\n", "must have one column EncodedPixels, got the columns image_id, mask"),
        ("ImageId,EncodedPixels\na,-1\nb\n", "row 3 must have 2 values like the header, got 1"),
        ("ImageId,EncodedPixels\n,-1\n", "row 2 has no image"),
    ],
)
def test_a_table_that_cannot_be_is_refused(write, text, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        read_siim_table(write(text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(LesionkitError, match=r"cannot read .*nowhere\.csv"):
        read_siim_table(tmp_path / "nowhere.csv")
