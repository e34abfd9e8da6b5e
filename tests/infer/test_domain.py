import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.infer.domain import Domain

IMAGE = ArrayImage(Grid.upright((2, 2, 2), (1, 1, 1)), np.zeros((2, 2, 2)))


def scan(slices, pixels, kernel, width=512):
    facts = {"native_spacing_mm": [slices, pixels, pixels], "native_shape": [100, width, width], "kernel": kernel}
    return Case("c", "p", IMAGE, facts=facts)


TRAINED = Domain.of([scan(0.6, 0.6, "B30f"), scan(2.5, 0.9, "B70f")])


def test_a_scan_like_those_of_training_gets_no_warning():
    assert TRAINED.warnings(scan(1.25, 0.7, "B30f")) == []


def test_thicker_slices_than_in_training_are_told():
    (sentence,) = TRAINED.warnings(scan(8.0, 0.7, "B30f"))
    assert sentence.startswith("slice distance 8 mm lies outside the 0.6 to 2.5 mm this model was trained on")


def test_an_unknown_kernel_and_a_wide_field_are_told():
    sentences = TRAINED.warnings(scan(1.0, 0.9, "LUNG", width=900))
    assert "field of view" in sentences[0]
    assert "kernel 'LUNG'" in sentences[1]


def test_a_scan_that_tells_nothing_gets_no_warning():
    assert TRAINED.warnings(Case("c", "p", IMAGE)) == []
    assert Domain().warnings(scan(8.0, 0.7, "X")) == []


def test_a_contrast_agent_is_told_where_no_case_of_training_had_one():
    def taken(agent):
        return Case("c", "p", IMAGE, facts={"contrast_agent": agent})

    plain, mixed = Domain.of([taken("")]), Domain.of([taken(""), taken("Iohexol")])
    (sentence,) = plain.warnings(taken("Iohexol"))
    assert sentence == "it was taken with a contrast agent (Iohexol), and none that this model was trained on was"
    assert plain.warnings(taken("")) == mixed.warnings(taken("Iohexol")) == []
    assert Domain.of([Case("c", "p", IMAGE)]).warnings(taken("Iohexol")) == []
