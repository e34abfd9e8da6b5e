import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from pycocotools import mask as coco

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import (
    decode_rle_coco,
    decode_rle_kaggle,
    decode_rle_siim,
    encode_rle_coco,
    encode_rle_kaggle,
    encode_rle_siim,
    runs_by_image,
)

masks = arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))

# Inside are the two lower samples of the first column and the upper of the last:
#   . . x
#   x . .
#   x . .
CORNERS = np.array([[0, 0, 1], [1, 0, 0], [1, 0, 0]], dtype=bool)

CODES = {
    "rle_siim": (encode_rle_siim, lambda code, shape: decode_rle_siim(code, shape)),
    "rle_kaggle": (encode_rle_kaggle, lambda code, shape: decode_rle_kaggle(code, shape)),
    "rle_coco": (encode_rle_coco, lambda code, shape: decode_rle_coco(code)),
    "rle_coco compressed": (lambda mask: encode_rle_coco(mask, compressed=True), lambda code, _: decode_rle_coco(code)),
}


@pytest.mark.parametrize("code", CODES)
@given(mask=masks)
def test_decoding_undoes_encoding(code, mask):
    encode, decode = CODES[code]
    np.testing.assert_array_equal(decode(encode(mask), mask.shape), mask)


@pytest.mark.parametrize("code", CODES)
@given(mask=masks)
def test_encoding_undoes_decoding(code, mask):
    encode, decode = CODES[code]
    text = encode(mask)
    assert encode(decode(text, mask.shape)) == text


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("fill", [False, True])
def test_empty_and_full_masks_survive(code, fill):
    encode, decode = CODES[code]
    mask = np.full((3, 5), fill)
    np.testing.assert_array_equal(decode(encode(mask), (3, 5)), mask)


def test_siim_counts_gaps_down_the_columns_from_zero():
    assert encode_rle_siim(CORNERS) == "1 2 3 1"


def test_kaggle_counts_starts_down_the_columns_from_one():
    assert encode_rle_kaggle(CORNERS) == "2 2 7 1"


def test_coco_counts_runs_down_the_columns_beginning_outside():
    assert encode_rle_coco(CORNERS) == {"size": [3, 3], "counts": [1, 2, 3, 1, 2]}
    assert encode_rle_coco(~CORNERS)["counts"] == [0, 1, 2, 3, 1, 2]


def test_compressed_coco_counts_are_differences_in_characters_of_five_bits():
    # 1 2 3, then 1 - 2 = -1 and 2 - 3 = -1; -1 is the character 'O' (31 + 48).
    assert encode_rle_coco(CORNERS, compressed=True)["counts"] == "123OO"
    # 16 does not fit five signed bits: low bits 16 with the "more" flag, then 0.
    assert encode_rle_coco(np.zeros((4, 4)), compressed=True)["counts"] == "`0"


def test_compressed_coco_text_of_the_reference_tools_is_read():
    # pycocotools 2.0 wrote it for a 20 x 30 image whose rows 5..14 of columns 3..11 are inside.
    mask = np.zeros((20, 30), dtype=bool)
    mask[5:15, 3:12] = True
    written = b"Q2::000000000000000S;"
    np.testing.assert_array_equal(decode_rle_coco({"size": [20, 30], "counts": written}), mask)
    assert encode_rle_coco(mask, compressed=True)["counts"] == written.decode()


# pycocotools 2.0 does not know a keyword of NumPy 2.
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword")
@given(masks)
def test_coco_text_is_that_of_its_own_tools_both_ways(mask):
    theirs = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert encode_rle_coco(mask, compressed=True)["counts"] == theirs["counts"].decode()
    np.testing.assert_array_equal(decode_rle_coco(theirs), coco.decode(theirs))


def test_a_coco_text_that_is_too_short_is_refused_where_its_own_tools_read_memory_that_nobody_wrote():
    with pytest.raises(LesionkitError, match="must add up to 3 x 3 = 9 pixels, got 8"):
        decode_rle_coco({"size": [3, 3], "counts": "8"})


def test_one_text_means_three_different_masks():
    assert encode_rle_siim(decode_rle_siim("1 2 3 1", (3, 3))) == "1 2 3 1"
    assert encode_rle_siim(decode_rle_kaggle("1 2 3 1", (3, 3))) == "0 3"
    assert encode_rle_siim(decode_rle_coco({"size": [3, 3], "counts": [1, 2, 3, 1, 2]})) == "1 2 3 1"


@pytest.mark.parametrize("text", ["-1", " -1", "-1 ", "", "  "])
def test_empty_siim_text_comes_in_variants(text):
    assert not decode_rle_siim(text, (2, 2)).any()


def test_several_rows_of_one_image_are_united():
    both = decode_rle_siim(["0 4", "2 4", "-1"], (3, 3))
    assert encode_rle_siim(both) == "0 6"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("1 2 3", "rle_siim must be pairs of gap and length, got 3 numbers; is the text cut off"),
        ("1 two", "rle_siim must be whole numbers between blanks, got '1 two'"),
        ("1.5 2", "must be whole numbers"),
        ("1 2 -3 4", "a gap of rle_siim must be at least 0, got -3 as number 3"),
        ("1 0", "a length of rle_siim must be at least 1, got 0 as number 2"),
        ("1 -1", "a length of rle_siim must be at least 1, got -1 as number 2"),
        ("1 2 3 4", "must end within the 3 x 3 image of 9 pixels, got run 2 ending at 10"),
        ("99999999999999999999 1", "must lie within the 3 x 3 image of 9 pixels, got 99999999999999999999 as number 1"),
    ],
)
def test_siim_text_that_cannot_be_is_refused(text, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        decode_rle_siim(text, (3, 3))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("0 2", "a start of rle_kaggle must be at least 1, got 0 as number 1"),
        ("1 3 3 1", "must ascend and not overlap, got run 2 starting at 3 while run 1 ends at 3"),
        ("5 1 1 1", "must ascend and not overlap"),
        ("9 2", "got run 1 ending at 10"),
    ],
)
def test_kaggle_text_that_cannot_be_is_refused(text, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        decode_rle_kaggle(text, (3, 3))


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        ({"counts": [9]}, "must have the keys 'size' and 'counts', got \\['counts'\\]"),
        ({"size": [3, 3], "counts": [1, 2]}, "must add up to 3 x 3 = 9 pixels, got 3"),
        ({"size": [3, 3], "counts": [9, -1, 1]}, "must not be negative, got -1"),
        ({"size": [3, 3], "counts": [1.5, 7.5]}, "must be a list of whole numbers or text"),
        ({"size": [3, 3], "counts": "1`"}, "must be whole and of characters"),
        ({"size": [3, 3], "counts": "~"}, "must be whole and of characters"),
        ({"size": [3, 3], "counts": "`" * 13 + "0"}, "must fit 64 bits"),
    ],
)
def test_coco_code_that_cannot_be_is_refused(code, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        decode_rle_coco(code)


def test_a_table_gives_the_united_runs_of_every_image():
    runs = runs_by_image(["a", "b", "a"], ["0 1", "-1", "2 1"], (2, 2), [2, 3, 4])
    assert {name: held.area for name, held in runs.items()} == {"a": 2, "b": 0}


def test_the_first_wrong_row_of_a_table_is_named():
    with pytest.raises(LesionkitError, match=r"row 3 \(image 'b'\): rle_siim must be pairs"):
        runs_by_image(["a", "b"], ["0 1", "1"], (2, 2), [2, 3])
