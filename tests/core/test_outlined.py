import numpy as np

from lesionkit.core.outlined import OutlinedSlices


def slices(readers, lesions):
    readers = np.array(readers, np.uint8)[:, None, :]
    rows = tuple({"lesion": lesion, "patient_id": f"p{lesion}"} for lesion in lesions)
    return OutlinedSlices(np.zeros(readers.shape, np.int16), readers, np.ones(len(rows)), rows)


def test_readers_who_outlined_a_lesion_in_another_slice_count_in_this_one_too():
    # Reader 0 alone outlined something in the second slice; readers 0, 1 and 2 outlined the lesion in the first.
    some = slices([[0b111, 0], [0b001, 0]], ["a", "a"])
    assert some.votes().tolist() == [0b111, 0b111]
    assert some.agreed()[:, 0].tolist() == [[True, False], [False, False]]


def test_half_of_two_readers_is_one():
    assert slices([[0b01, 0b10]], ["a"]).agreed()[0, 0].tolist() == [True, True]
    assert slices([[0b01, 0b11]], ["a"]).agreed(0.51)[0, 0].tolist() == [False, True]


def test_slices_are_chosen_by_their_row_in_their_order():
    some = slices([[1, 0], [2, 0], [3, 0]], ["a", "b", "a"])
    chosen = some.where(lambda row: row["lesion"] == "a")
    assert chosen.readers[:, 0, 0].tolist() == [1, 3]
    assert chosen.patients == ("pa", "pa")
    assert (len(some), len(chosen)) == (3, 2)
