import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.validations import VALIDATIONS, Validation, best_of_rounds, note_validation, read_validations

FIRST = Validation("", 1, 500, "CPM", 0.5, 0.4, 0.6)
SECOND = Validation("", 1, 1000, "CPM", 0.7)
LATER = Validation("", 2, 500, "CPM", 0.65)


def test_every_validation_stays_and_one_that_is_made_again_takes_its_place(tmp_path):
    for one in (FIRST, SECOND, LATER, Validation("", 1, 500, "CPM", 0.51, 0.4, 0.6)):
        file = note_validation(tmp_path, one)
    assert file == tmp_path / VALIDATIONS
    assert {(v.round, v.step): v.value for v in read_validations(file)} == {
        (1, 500): 0.51,
        (1, 1000): 0.7,
        (2, 500): 0.65,
    }
    assert read_validations(file)[-1].lower == 0.4


def test_the_best_of_each_round_is_told():
    assert best_of_rounds([FIRST, SECOND, LATER]) == [SECOND, LATER]


def test_a_damaged_table_is_refused_in_a_sentence(tmp_path):
    (tmp_path / VALIDATIONS).write_text("network,round\na,b\n")
    with pytest.raises(LesionkitError, match=r"must be a table of validations, but is damaged"):
        read_validations(tmp_path / VALIDATIONS)
