from lesionkit.recipes.slide.patch_score import score_of_patches
from lesionkit.recipes.slide.settings import SlideMetastasis


def test_patches_are_scored_as_cases_that_are_called_patches():
    score = score_of_patches({"a": True, "b": False, "c": True}, {"a": 0.9, "b": 0.5, "c": 0.2}, SlideMetastasis())
    assert score.protocol == "patches"
    assert score.figures["patch AUC"].value == 0.5
    assert score.counts == {"patches": 3, "positive_patches": 2, "negative_patches": 1, "distinct_scores": 3}


def test_labels_of_one_class_leave_the_area_undefined_and_say_so():
    score = score_of_patches({"a": True}, {"a": 0.9}, SlideMetastasis())
    assert score.warnings == ("all 1 patches are positive: the area is not defined",)
