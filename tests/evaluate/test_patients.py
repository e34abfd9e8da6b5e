"""No interval from one patient, whatever the protocol and the figure."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lesionkit.core.outline import Outline
from lesionkit.evaluate.agreement import score_readers
from lesionkit.evaluate.bootstrap import resample_froc
from lesionkit.evaluate.camelyon16 import score_camelyon16
from lesionkit.evaluate.camelyon16_settings import Camelyon16Settings
from lesionkit.evaluate.camelyon17 import Camelyon17Settings, score_camelyon17
from lesionkit.evaluate.compare import compare_scores
from lesionkit.evaluate.froc import Detections
from lesionkit.evaluate.luna16 import score_luna16
from lesionkit.evaluate.luna16_match import Luna16Settings
from lesionkit.evaluate.operating import apply_operating_point
from lesionkit.evaluate.patients import Patients
from lesionkit.evaluate.score import OperatingPoint
from lesionkit.evaluate.siim import SiimSettings, score_siim
from lesionkit.evaluate.slides import SlidesSettings, score_slides

PLACE = ["seriesuid", "coordX", "coordY", "coordZ"]
NAMES = [f"case {n}" for n in range(6)]
SQUARE = np.array([[0, 0], [2000, 0], [2000, 2000], [0, 2000]], float) + 1000


def luna16(patients, protocol="exact", shift=0.0):
    truth = pd.DataFrame(
        [(n, 0, 0, 0, 10, i % 2) for i, n in enumerate(NAMES)], columns=[*PLACE, "diameter_mm", "part"]
    )
    rows = [(n, 0, 0, 3.0 + shift * (i % 2), 0.9 - i / 10) for i, n in enumerate(NAMES)]
    marks = pd.DataFrame([*rows, (NAMES[0], 90, 0, 0, 0.5)], columns=[*PLACE, "probability"])
    settings = Luna16Settings(protocol=protocol, bootstrap=40, by=("part",))
    return score_luna16(marks, truth, None, NAMES, settings, patients=patients)


def camelyon16(patients, protocol="exact"):
    truth = {name: Outline((SQUARE,)) if i < 4 else None for i, name in enumerate(NAMES)}
    marks = {name: [(0.9 - i / 10, 2000 if i % 2 else 9000, 2000)] for i, name in enumerate(NAMES)}
    return score_camelyon16(marks, truth, protocol, settings=Camelyon16Settings(bootstrap=40), patients=patients)


def slides(patients):
    labels = {name: i < 3 for i, name in enumerate(NAMES)}
    marks = dict(zip(NAMES, (0.9, 0.8, 0.3, 0.7, 0.2, 0.1), strict=True))
    return score_slides(labels, marks, SlidesSettings(bootstrap=40), patients)


def siim(patients):
    truth = pd.DataFrame({"image_id": NAMES, "encoded": ["0 5"] * 3 + ["-1"] * 3})
    if patients is not None:
        truth["patient_id"] = [patients[name] for name in NAMES]
    marks = pd.DataFrame({"image_id": NAMES, "encoded": ["0 5", "0 3", "-1", "-1", "0 2", "-1"]})
    return score_siim(truth, marks, (10, 10), dict(zip(NAMES, range(6), strict=True)), SiimSettings(bootstrap=40))


def camelyon17(patients):
    names = list(dict.fromkeys((patients or dict.fromkeys(NAMES, "")).values())) if patients else NAMES
    stages = ["pN0", "pN1", "pN2", "pN0", "pN1mi", "pN1"][: len(names)]
    truth = pd.DataFrame({"patient_id": names, "node": "", "label": stages})
    found = truth.assign(label=["pN1", *stages[1:]])
    return score_camelyon17(truth, found, Camelyon17Settings(bootstrap=40))


PROTOCOLS = {
    "luna16 exact": luna16,
    "luna16 official": lambda patients: luna16(patients, "official"),
    "camelyon16 exact": camelyon16,
    "camelyon16 official": lambda patients: camelyon16(patients, "official"),
    "camelyon17": camelyon17,
    "slides": slides,
    "siim": siim,
}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_one_patient_gives_no_interval_for_any_figure_and_the_note_says_why(protocol):
    score = PROTOCOLS[protocol](dict.fromkeys(NAMES, "p"))
    for name, figure in score.figures.items():
        assert (figure.lower, figure.upper) == (None, None), name
        assert "one patient" in figure.note or np.isnan(figure.value), name
    assert all(row.get("lower") is None and row.get("upper") is None for row in score.subgroups)
    assert all(curve.lower is None for curve in score.curves)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_several_patients_give_intervals_that_hold_the_value(protocol):
    patients = dict(zip(NAMES, "ppqrst", strict=True))
    for given_patients in (None, patients):
        score = PROTOCOLS[protocol](given_patients)
        assert score.figures
        for name, figure in score.figures.items():
            assert figure.lower is not None, (name, figure.note)
            assert figure.lower <= figure.value <= figure.upper, name


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_the_values_do_not_depend_on_whose_the_cases_are(protocol):
    if protocol != "camelyon17":
        alone, together = (PROTOCOLS[protocol](p) for p in (None, dict.fromkeys(NAMES, "p")))
        assert {n: f.value for n, f in alone.figures.items()} == {n: f.value for n, f in together.figures.items()}


@pytest.mark.parametrize("protocol", sorted(set(PROTOCOLS) - {"camelyon17"}))
def test_patients_of_one_case_each_are_drawn_like_cases_of_nobody(protocol):
    unnamed, named = (PROTOCOLS[protocol](p) for p in (None, {name: f"patient {name}" for name in NAMES}))
    assert unnamed.figures == named.figures
    assert unnamed.resamples.key.split()[-1] == named.resamples.key.split()[-1] or protocol == "siim"


def test_a_figure_of_the_cases_of_one_patient_among_many_has_none_either():
    # All findings are of one patient: nobody knows how sensitivity differs between patients.
    score = siim(dict(zip(NAMES, "pppqrs", strict=True)))
    assert "one patient" in score.figures["dice on positives"].note
    assert score.figures["dice on positives"].lower is None
    assert score.figures["image AUC"].lower is None
    assert score.figures["dice"].lower is not None


def test_one_item_gives_no_interval_of_agreement():
    score = score_readers(pd.DataFrame({"A": ["1"], "B": ["0"]}, index=["x"]), ["0", "1"], samples=40)
    assert all(figure.lower is None for figure in score.figures.values())
    assert score.subgroups[0]["lower"] is None


def test_a_comparison_of_one_patient_has_no_interval_and_no_p():
    one = dict.fromkeys(NAMES, "p")
    compared = compare_scores(luna16(one), luna16(one, shift=5.0))
    assert compared.figures["cpm: second - first"].value < 0
    assert compared.figures["cpm: second - first"].lower is None
    assert np.isnan(compared.figures["cpm: p"].value)
    with_many = compare_scores(luna16(None), luna16(None, shift=5.0))
    assert with_many.figures["cpm: second - first"].lower is not None


def test_an_applied_threshold_gives_no_interval_from_one_patient():
    found = Detections(2, [0, 1], [0.9, 0.2], [0, 1], [0.4, 0.6])
    point = OperatingPoint("a point", 0.5, 1.0, 1.0)
    figures = apply_operating_point(point, found, 40, patients=Patients(np.zeros(2, dtype=np.intp), True))
    assert all(f.lower is None and "no interval: one patient" in f.note for f in figures.values())
    assert all(f.lower is not None for f in apply_operating_point(point, found, 40).values())


@given(st.lists(st.sampled_from("pqr"), min_size=1, max_size=8), st.integers(0, 99))
def test_all_cases_of_a_patient_are_drawn_together(patients, seed):
    ids = [f"c{n}" for n in range(len(patients))]
    whose = Patients.of(ids, dict(zip(ids, patients, strict=True)))
    draws = whose.draw(20, seed)
    assert len(whose) == len(set(patients))
    for one in set(patients):
        mine = draws[:, [p == one for p in patients]]
        assert (mine == mine[:, :1]).all()
    firsts = [patients.index(p) for p in dict.fromkeys(patients)]
    assert (draws[:, firsts].sum(axis=1) == len(whose)).all()


def test_rates_of_a_draw_are_per_case_that_was_drawn():
    # Of patient p (3 cases, 3 false positives) and q (1 case, none): a draw of p twice has 6 in 6 cases.
    whose = Patients(np.array([0, 0, 0, 1]), True)
    found = Detections(4, [0, 3], [0.1, 0.9], [0, 1, 2], [0.5, 0.5, 0.5])
    draws = np.array([[2, 2, 2, 0], [1, 1, 1, 1], [0, 0, 0, 2]])
    # Up to one false positive per case: p's lesion, of lower score, is found where all three may be passed.
    assert resample_froc(found, [0.9, 1.0], draws).tolist() == [[0.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    assert whose.among(np.array([True, True, False, False])) == 1
    assert whose.part(np.array([False, False, True, True])).number.tolist() == [0, 1]
