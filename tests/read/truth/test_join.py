import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Lesion
from lesionkit.read.truth.join import lesions_from_json, lesions_to_json


def test_lesions_come_back_as_they_were_kept():
    lesions = (Lesion((1.0, 2.0, 3.0), 6.0, "nodule", "a", {"row": 2}), Lesion((4.0, 5.0, 6.0), 8.0))
    assert lesions_from_json(lesions_to_json(lesions)) == lesions


@pytest.mark.parametrize(
    "text", ["[", "3", "[3]", "[{}]", '[{"centre_mm": 1}]', '[{"centre_mm": [1, 2, 3], "diameter_mm": 5, "x": 1}]']
)
def test_what_is_no_list_of_lesions_is_one_sentence(text):
    with pytest.raises(LesionkitError, match=r"must be a list of lesions, but .*; index or search the scans again"):
        lesions_from_json(text)
