import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.read.truth.lesion_words import is_lesion, lesion_values


def test_names_of_the_field_say_whether_they_are_lesions():
    lesions = [
        "nodule",
        "Lung Nodule",
        "tumor",
        "Tumour",
        "GTVp",
        "gtv_1",
        "Cancer",
        "Mass",
        "metastases",
        "Pneumothorax",
    ]
    others = ["lung", "background", "non-nodule", "No finding", "normal", "heart", "massive lung", "healthy tissue"]
    assert [name for name in lesions if not is_lesion(name)] == []
    assert [name for name in others if is_lesion(name)] == []


def test_what_the_user_names_counts_and_what_is_not_there_is_said():
    names = {1: "lung", 2: "spot"}
    assert lesion_values(names, ["Spot"]) == {2}
    with pytest.raises(LesionkitError, match="a label of lesions must be one of lung, spot, got 'nodule'"):
        lesion_values(names, ["nodule"])
    with pytest.raises(LesionkitError, match=r"one of the labels must be of lesions, but they are called lung, spot"):
        lesion_values(names)
    assert lesion_values({}) == frozenset()
