import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import parse_rle_coco, parse_rle_kaggle, parse_rle_siim
from lesionkit.core.rle_check import check_end, check_pairs, check_size, is_whole, whole_numbers

LARGE = 2**63 - 1


@pytest.mark.parametrize("parse", [parse_rle_siim, parse_rle_kaggle])
@pytest.mark.parametrize("text", [f"{LARGE} 1", f"5 {LARGE} 3 2", f"{LARGE} {LARGE}", f"3 {LARGE}", f"{2**64} 1"])
def test_numbers_whose_sum_runs_over_64_bits_are_refused(parse, text):
    with pytest.raises(LesionkitError, match=r"must lie within the 10 x 10 image of 100 pixels, got \d+ as number"):
        parse(text, (10, 10))


@pytest.mark.parametrize("counts", [[2**62] * 4 + [100], [2**64, 100], [100 - 2**64, 2**64]])
def test_counts_of_coco_whose_sum_runs_over_64_bits_are_refused(counts):
    with pytest.raises(LesionkitError, match="numbers of rle_coco must lie within the 10 x 10 image"):
        parse_rle_coco({"size": [10, 10], "counts": counts})


def test_a_number_of_thousands_of_digits_is_not_repeated_in_the_sentence():
    with pytest.raises(LesionkitError, match="got a number of more than 20 digits as number 2"):
        parse_rle_siim("1 " + "9" * 3000, (10, 10))


@pytest.mark.parametrize("text", ["1_0 2", "\u0661 2", "0x1 2", "1e1 2", "9" * 5000 + " 1", "1,2"])
def test_what_only_python_takes_for_a_whole_number_is_refused(text):
    with pytest.raises(LesionkitError, match="must be whole numbers between blanks"):
        whole_numbers(text, "rle_siim", (10, 10))


@given(st.lists(st.integers(-100, 100)))
def test_whole_numbers_within_the_image_come_back(numbers):
    assert whole_numbers(" ".join(map(str, numbers)), "rle_siim", (10, 10)).tolist() == numbers


def test_a_number_as_large_as_the_image_is_allowed_and_one_more_is_not():
    check_size([100, -100], "rle_coco", (10, 10))
    with pytest.raises(LesionkitError, match="got 101 as number 2"):
        check_size([1, 101], "rle_coco", (10, 10))


def test_pairs_and_ends_are_checked_by_number_and_run():
    with pytest.raises(LesionkitError, match="got 1 numbers; is the text cut off"):
        check_pairs(whole_numbers("1", "rle_siim", (1, 1)), "rle_siim", "gap", first=0)
    with pytest.raises(LesionkitError, match="got run 2 ending at 5"):
        check_end(whole_numbers("4 5", "rle_siim", (5, 5)), "rle_siim", (2, 2))


@pytest.mark.parametrize("size", [[10], [10, 10, 1], ["10", "10"], [10.5, 10], [0, 10], [-10, -10], 100, "10"])
def test_a_size_of_coco_must_be_two_whole_numbers(size):
    with pytest.raises(LesionkitError, match="the size of rle_coco must be two whole numbers"):
        parse_rle_coco({"size": size, "counts": [100]})


def test_truth_values_are_no_whole_numbers():
    assert [is_whole(value) for value in (3, True, 3.0, "3")] == [True, False, False, False]
