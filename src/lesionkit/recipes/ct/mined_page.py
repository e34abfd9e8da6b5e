"""The page of what was mined after a round: a small picture of each example, the place marked."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from lesionkit.core.case import Case
from lesionkit.recipes.ct.mined_table import Example, counts_of, mined_file, read_examples
from lesionkit.recipes.ensemble import NetPlan
from lesionkit.report.mined_page import MinedPlace, write_mined_page

_MOST = 24


def show_mined(run: Path, plan: NetPlan[Any], number: int, cases: Mapping[str, Case]) -> Mapping[str, Any]:
    """Write the page of what a network got wrong after a round, beside its table."""
    file = mined_file(run, number, plan.name)
    examples = read_examples(file)
    page = write_page_of(file.with_suffix(".html"), examples, cases, f"{plan.called('Mined')} after round {number}")
    return {"page": page.name, **counts_of(examples)}


def write_page_of(path: Path, examples: Sequence[Example], cases: Mapping[str, Case], title: str) -> Path:
    """Write a page of examples: of each kind the first so many, the worst mistakes first.

    Args:
        cases: prepared, by case id; examples in others have no picture.
    """
    return write_mined_page(path, _shelves(examples, cases), cases, title, counts_of(examples))


def _shelves(examples: Sequence[Example], cases: Mapping[str, Case]) -> dict[str, list[MinedPlace]]:
    """The examples that are shown, by kind; of false positives the strongest, of lesions the largest missed ones."""
    keys = {
        "false positive": lambda one: -(one.score or 0.0),
        "missed": lambda one: -(one.diameter_mm or 0.0),
        "weak": lambda one: one.score or 0.0,
        "easy": lambda one: one.score or 0.0,
    }
    shown = {}
    for kind, key in keys.items():
        those = sorted((one for one in examples if one.kind == kind and one.case_id in cases), key=key)[:_MOST]
        shown[kind] = [MinedPlace(one.case_id, one.centre_mm, one.diameter_mm, one.score, one.network) for one in those]
    return shown
