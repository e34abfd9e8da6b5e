"""CAMELYON17: the pN stage of a patient from five lymph nodes, scored by quadratic weighted kappa."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.evaluate.agreement import kappa, resample_kappa
from lesionkit.evaluate.bootstrap import SAMPLES, SEED, bootstrapped, draw_cases, draw_key
from lesionkit.evaluate.score import Figure, Resamples, Score
from lesionkit.evaluate.stage import NODE_LABELS, STAGES, pn_stage

__all__ = ["Camelyon17Settings", "pn_stage", "score_camelyon17"]

RULE = (
    "Agreement of the pN stages of patients beyond chance: quadratic weighted kappa over pN0, pN0(i+), pN1mi, pN1 "
    "and pN2. A stage that is not given follows from the nodes."
)


class Camelyon17Settings(Settings):
    """How a submission is scored."""

    bootstrap: int = SAMPLES
    """Bootstrap draws of patients."""
    seed: int = SEED
    """Of the draws."""


def score_camelyon17(truth: pd.DataFrame, marks: pd.DataFrame, settings: Camelyon17Settings | None = None) -> Score:
    """Score stages of patients.

    Args:
        truth, marks: columns `patient_id`, `node` (empty text in the row of the patient's own stage) and `label`: one
            of `STAGES` for a patient, of `NODE_LABELS` for a node; optionally `row`, its number in the file.

    Returns:
        Score whose headline is `quadratic weighted kappa`; one row of the subgroups per true stage.

    Raises:
        LesionkitError: an unknown label, a patient or node twice, or patients that only one of the tables has.
    """
    settings = settings or Camelyon17Settings()
    true, found = _Stages.of(truth, "truth"), _Stages.of(marks, "marks")
    _check_same(true, found)
    patients = list(true.stage)
    truth_code, found_code = (np.array([STAGES.index(table.stage[p]) for p in patients]) for table in (true, found))
    same = (truth_code == found_code).astype(np.float64)
    draws = draw_cases(len(patients), settings.bootstrap, settings.seed)
    samples = {
        "quadratic weighted kappa": resample_kappa(truth_code, found_code, draws),
        "stage accuracy": draws @ same / len(same),
    }
    note = f"{len(patients)} patients"
    agreement = kappa([true.stage[p] for p in patients], [found.stage[p] for p in patients], STAGES, quadratic=True)
    return Score(
        protocol="camelyon17",
        rule=RULE,
        figures={
            "quadratic weighted kappa": bootstrapped(
                agreement, samples["quadratic weighted kappa"], note, len(patients), "patients"
            ),
            "stage accuracy": bootstrapped(same.mean(), samples["stage accuracy"], note, len(patients), "patients"),
            **_node_figures(true, found),
        },
        counts={
            "patients": len(patients),
            "right_stages": int(same.sum()),
            "nodes": len(true.node.keys() & found.node.keys()),
            "truth_stages_that_follow_from_nodes": true.n_consistent,
            "marks_stages_that_follow_from_nodes": found.n_consistent,
        },
        subgroups=tuple(_confusion(truth_code, found_code)),
        warnings=(*true.warnings, *found.warnings, *_undefined(agreement)),
        facts={"settings": settings.model_dump(mode="json")},
        resamples=Resamples(draw_key(patients, truth_code, settings.bootstrap, settings.seed), samples),
    )


@dataclass(frozen=True)
class _Stages:
    """A checked table: the stage of each patient, the label of each (patient, node), and what is odd."""

    stage: Mapping[str, str]
    node: Mapping[tuple[str, str], str]
    n_consistent: int
    warnings: tuple[str, ...]

    @classmethod
    def of(cls, table: pd.DataFrame, name: str) -> "_Stages":
        given, nodes = _read(table, name)
        by_patient: dict[str, list[str]] = {}
        for (patient, _), label in nodes.items():
            by_patient.setdefault(patient, []).append(label)
        derived = {patient: pn_stage(labels) for patient, labels in by_patient.items()}
        stage = {p: given.get(p) or derived[p] for p in dict.fromkeys([*given, *derived])}
        differ = [p for p in given if p in derived and given[p] != derived[p]]
        warnings = []
        if differ:
            p = differ[0]
            warnings.append(
                f"{name}: the stages of {len(differ)} of {len(given)} patients do not follow from their nodes, first "
                f"'{p}' with {given[p]} where its nodes give {derived[p]}; the given stages are scored"
            )
        return cls(stage, nodes, len(given.keys() & derived.keys()) - len(differ), tuple(warnings))


def _read(table: pd.DataFrame, name: str) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    missing = [column for column in ("patient_id", "node", "label") if column not in table]
    if missing or not len(table):
        raise LesionkitError(
            f"{name} must have rows with the columns patient_id, node and label, got {len(table)} rows of "
            f"{', '.join(map(str, table.columns)) or 'no columns'}"
        )
    stages: dict[str, str] = {}
    nodes: dict[tuple[str, str], str] = {}
    rows = table["row"] if "row" in table else range(2, len(table) + 2)
    for row, patient, node, label in zip(rows, table["patient_id"], table["node"], table["label"], strict=True):
        allowed = NODE_LABELS if node else STAGES
        if label not in allowed:
            raise LesionkitError(
                f"{name}, row {row}: the label of a {'node' if node else 'patient'} must be one of "
                f"{', '.join(allowed)}, got '{label}'"
            )
        if (patient, node) in nodes or (not node and patient in stages):
            raise LesionkitError(f"{name}, row {row}: '{node or patient}' is there twice; keep one row")
        if node:
            nodes[(patient, node)] = label
        else:
            stages[patient] = label
    return stages, nodes


def _check_same(true: _Stages, found: _Stages) -> None:
    for first, second, sentence in (
        (true, found, "patients of the truth have no stage in the marks"),
        (found, true, "patients of the marks are not in the truth"),
    ):
        without = [patient for patient in first.stage if patient not in second.stage]
        if without:
            raise LesionkitError(
                f"truth and marks must be of the same patients, but {len(without)} of {len(first.stage)} {sentence}, "
                f"first '{without[0]}'"
            )


def _node_figures(true: _Stages, found: _Stages) -> dict[str, Figure]:
    both = [node for node in true.node if node in found.node]
    if not both:
        return {}
    first, second = ([table.node[node] for node in both] for table in (true, found))
    same = np.mean([a == b for a, b in zip(first, second, strict=True)])
    note = f"over the {len(both)} nodes that truth and marks have"
    return {
        "node quadratic weighted kappa": Figure(kappa(first, second, NODE_LABELS, quadratic=True), note=note),
        "node accuracy": Figure(float(same), note=note),
    }


def _confusion(true: NDArray[np.intp], found: NDArray[np.intp]) -> list[dict[str, Any]]:
    rows = []
    for i, stage in enumerate(STAGES):
        inside = true == i
        given = {f"given {other}": int((found[inside] == j).sum()) for j, other in enumerate(STAGES)}
        rows.append({"true stage": stage, "patients": int(inside.sum()), **given})
    return rows


def _undefined(agreement: float) -> list[str]:
    if np.isnan(agreement):
        return ["all patients have one and the same stage in truth and marks: kappa is not defined"]
    return []
