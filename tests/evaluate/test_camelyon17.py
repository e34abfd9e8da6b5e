import csv
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.camelyon17 import Camelyon17Settings, pn_stage, score_camelyon17

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[2] / "../shared/data")) / "slide"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="needs the tables of CAMELYON17 in LESIONKIT_DATA")

FEW = Camelyon17Settings(bootstrap=50)


def table(*rows):
    """Rows of (patient, node, label)."""
    return pd.DataFrame(rows, columns=["patient_id", "node", "label"])


def stages(*labels):
    return table(*((f"p{i}", "", label) for i, label in enumerate(labels)))


def score(truth, marks):
    return score_camelyon17(truth, marks, FEW)


def real(name):
    with (DATA / name).open(newline="", encoding="utf-8") as lines:
        rows = list(csv.reader(lines))[1:]
    split = [(name.partition(".")[0], label) for name, label in rows]
    return table(*((n.partition("_node_")[0], n if "_node_" in n else "", label) for n, label in split))


@needs_data
def test_the_example_submission_scores_as_published():
    result = score(real("camelyon17_reference.csv"), real("camelyon17_submission.csv"))
    assert next(iter(result.figures)) == "quadratic weighted kappa"
    assert result.figures["quadratic weighted kappa"].value == pytest.approx(0.888889, abs=1e-6)


@needs_data
def test_the_rule_reproduces_every_row_of_the_real_stage_table():
    held = real("camelyon17_stage_labels.csv")
    given = held[held["node"] == ""].set_index("patient_id")["label"]
    derived = held[held["node"] != ""].groupby("patient_id")["label"].apply(pn_stage)
    assert len(given) == 100
    assert (derived[given.index] == given).all()
    assert score(held, held).counts["truth_stages_that_follow_from_nodes"] == 100


def test_a_disagreement_weighs_the_square_of_its_steps():
    # Two of four patients are one step off; by chance all pairs of the margins are as likely.
    result = score(stages("pN0", "pN0(i+)", "pN1mi", "pN1"), stages("pN0", "pN0(i+)", "pN0(i+)", "pN1mi"))
    apart = [(a - b) ** 2 for a in (0, 1, 2, 3) for b in (0, 1, 1, 2)]
    assert result.figures["quadratic weighted kappa"].value == pytest.approx(1 - 2 / (sum(apart) / 4))
    assert result.figures["stage accuracy"].value == 0.5


def test_the_truth_itself_scores_one():
    truth = stages("pN0", "pN1", "pN2")
    figures = score(truth, truth).figures
    assert figures["quadratic weighted kappa"].value == figures["stage accuracy"].value == 1.0


def test_a_stage_that_is_not_given_follows_from_the_nodes():
    truth = stages("pN1", "pN0")
    nodes = table(("p0", "p0_node_0", "macro"), ("p0", "p0_node_1", "itc"), ("p1", "p1_node_0", "negative"))
    assert score(truth, nodes).figures["stage accuracy"].value == 1.0


def test_nodes_are_compared_where_both_have_them():
    truth = table(("p0", "p0_node_0", "macro"), ("p0", "p0_node_1", "itc"), ("p1", "p1_node_0", "negative"))
    marks = table(("p0", "p0_node_0", "macro"), ("p0", "p0_node_1", "negative"), ("p1", "", "pN0"))
    result = score(truth, marks)
    assert result.figures["node accuracy"].value == 0.5
    assert result.counts["nodes"] == 2


def test_a_stage_that_contradicts_its_nodes_is_scored_as_given_and_said():
    marks = table(("p0", "", "pN0"), ("p0", "p0_node_0", "macro"), ("p1", "", "pN1"))
    result = score(stages("pN0", "pN1"), marks)
    assert result.figures["stage accuracy"].value == 1.0
    assert any("marks: the stages of 1 of 2 patients do not follow" in warning for warning in result.warnings)


def test_each_true_stage_has_a_row_of_what_was_given():
    rows = score(stages("pN0", "pN0", "pN1"), stages("pN0", "pN2", "pN1")).subgroups
    assert rows[0]["true stage"] == "pN0"
    assert (rows[0]["patients"], rows[0]["given pN0"], rows[0]["given pN2"]) == (2, 1, 1)


def test_one_stage_throughout_has_no_kappa_and_says_so():
    result = score(stages("pN0", "pN0"), stages("pN0", "pN0"))
    assert np.isnan(result.figures["quadratic weighted kappa"].value)
    assert result.warnings == ("all patients have one and the same stage in truth and marks: kappa is not defined",)


def test_the_interval_is_a_bootstrap_over_patients():
    figure = score(stages(*["pN0", "pN1", "pN2"] * 5), stages(*["pN0", "pN1", "pN1"] * 5)).figures[
        "quadratic weighted kappa"
    ]
    assert figure.lower < figure.value < figure.upper


@pytest.mark.parametrize(
    ("marks", "sentence"),
    [
        (stages("pN0"), "1 of 2 patients of the truth have no stage in the marks, first 'p1'"),
        (stages("pN0", "pN1", "pN2"), "1 of 3 patients of the marks are not in the truth, first 'p2'"),
        (stages("pN0", "pN9"), "marks, row 3: the label of a patient must be one of pN0, .* got 'pN9'"),
        (stages("pN0", "pN1").assign(row=[7, 8], label=["N0", "pN1"]), "marks, row 7: the label of a patient"),
        (table(("p0", "n", "big")), "marks, row 2: the label of a node must be one of negative, itc, micro, macro"),
        (pd.concat([stages("pN0")] * 2), "marks, row 3: 'p0' is there twice"),
        (stages("pN0").drop(columns="node"), "marks must have rows with the columns patient_id, node and label"),
    ],
)
def test_tables_that_cannot_be_are_refused(marks, sentence):
    with pytest.raises(LesionkitError, match=sentence):
        score(stages("pN0", "pN1"), marks)
