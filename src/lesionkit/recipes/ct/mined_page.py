"""The page of what was mined after a round: a small picture of each example, the place marked."""

from collections.abc import Mapping, Sequence, Set
from pathlib import Path
from typing import Any

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.read.catalogue import read_catalogue
from lesionkit.recipes.base import MineRequest, Summary
from lesionkit.recipes.ct.data import CATALOGUE
from lesionkit.recipes.ct.mined_table import Example, counts_of, mined_file, read_examples, write_examples
from lesionkit.recipes.ct.prepare import prepared_case, with_truth
from lesionkit.recipes.ct.settings import CtSettings
from lesionkit.recipes.ensemble import NetPlan
from lesionkit.report.mined_page import MinedPlace, write_mined_page
from lesionkit.runs.run_folder import RunFolder

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


def write_mined(run: RunFolder, request: MineRequest, settings: CtSettings) -> Summary:
    """What a run mined after a round, of all its networks, as one table; see `Recipe.mine`.

    Raises:
        LesionkitError: nothing was mined, or not after that round; the table is no .csv.
    """
    if request.out is not None and request.out.suffix.lower() != ".csv":
        raise LesionkitError(f"--out must be a table that ends in .csv, got {request.out}")
    if request.pictures and request.out is None:
        raise LesionkitError("--pictures writes a page beside a table; give --out FILE.csv")
    tables = _tables(run.path)
    if not tables:
        raise LesionkitError(f"{run.path} must hold a training in rounds, but mined nothing; train with learn.rounds=2")
    number = request.round or max(tables)
    if number not in tables:
        there = ", ".join(map(str, sorted(tables)))
        raise LesionkitError(f"--round must be one after which was mined ({there}), got {number}")
    examples = [one for file in tables[number] for one in read_examples(file)]
    paths = tables[number] if request.out is None else [write_examples(request.out, examples)]
    if request.out is not None and request.pictures:
        title = f"Mined after round {number}"
        cases = _cases_of(run, {one.case_id for one in examples}, settings)
        paths.insert(0, write_page_of(request.out.with_suffix(".html"), examples, cases, title))
    scans = len({one.case_id for one in examples})
    return Summary({"round": number, **counts_of(examples), "training scans": scans}, tuple(paths), cases=1)


def _tables(run: Path) -> dict[int, list[Path]]:
    """The tables of a run by the round after which was mined."""
    found: dict[int, list[Path]] = {}
    for file in sorted(run.glob("mined-*.csv")):
        number = file.stem.rpartition("-")[2]
        if number.isdigit():
            found.setdefault(int(number), []).append(file)
    return found


def _cases_of(run: RunFolder, case_ids: Set[str], settings: CtSettings) -> dict[str, Case]:
    """The prepared cases of a run with their truth; a scan that is gone, and not in the store, has none."""
    rows = read_catalogue(run.path / CATALOGUE).to_dict("records")
    cases = {}
    for row in rows:
        if row["case_id"] in case_ids:
            plain = {str(name): value for name, value in row.items()}
            try:
                cases[row["case_id"]] = with_truth(prepared_case(Path(row["path"]), settings), plain)
            except (LesionkitError, OSError) as error:
                run.say(f"no picture of {row['case_id']}: {error}")
    return cases
