"""How a training went, for the page of its run: every validation, what each round gained, and what was mined."""

from collections.abc import Sequence

import numpy as np

from lesionkit.evaluate.score import Curve
from lesionkit.recipes.validations import VALIDATIONS, Validation, best_of_rounds, read_validations
from lesionkit.report.about import Course, Linked
from lesionkit.report.render import format_figure
from lesionkit.runs.run_folder import RunFolder

MINED_PAGE = "page"
"""The fact of a stage that names a page of mined examples."""


def course_of(run: RunFolder) -> Course | None:
    """None where nothing was validated while it was trained."""
    file = run.path / VALIDATIONS
    validations = read_validations(file) if file.is_file() else []
    if not validations:
        return None
    rows = [_row(run, one) for one in best_of_rounds(validations)]
    pages = [
        Linked(stage["facts"][MINED_PAGE].removesuffix(".html"), stage["facts"][MINED_PAGE])
        for stage in run.record["stages"].values()
        if stage.get("facts", {}).get(MINED_PAGE)
    ]
    return Course(tuple(rows), curves_of(validations), tuple(pages))


def curves_of(validations: Sequence[Validation]) -> tuple[Curve, ...]:
    """The figure against steps, one curve per network; steps of a later round follow those of the one before."""
    curves = []
    for network in dict.fromkeys(one.network for one in validations):
        own = sorted((v for v in validations if v.network == network), key=lambda v: (v.round, v.step))
        last = {number: max(v.step for v in own if v.round == number) for number in {v.round for v in own}}
        before = {number: sum(steps for other, steps in last.items() if other < number) for number in last}
        x = np.array([before[v.round] + v.step for v in own], dtype=float)
        y = np.array([v.value for v in own])
        bands = [
            np.array([np.nan if (b := getattr(v, name)) is None else b for v in own]) for name in ("lower", "upper")
        ]
        known = not any(np.isnan(band).any() for band in bands)
        lower, upper = bands if known else (None, None)
        name = network or f"{own[0].figure} on validation"
        curves.append(
            Curve(name, "step", f"{own[0].figure} on validation", x, y, np.full(len(x), np.nan), lower, upper)
        )
    return tuple(curves)


def _row(run: RunFolder, best: Validation) -> dict[str, str | int | float]:
    """A row of the table: a network, a round, its best validation, what it gained, and what was mined after it."""
    name, metrics = best.network, run.record["metrics"]
    interval = "" if best.lower is None else f" ({format_figure(best.lower)} to {format_figure(best.upper)})"
    row: dict[str, str | int | float] = {"network": name} if name else {}
    row |= {
        "round": best.round,
        f"best {best.figure}": f"{format_figure(best.value)}{interval}",
        "after step": best.step,
    }
    gained = metrics.get(f"{best.figure} gained by round {best.round} {name}".rstrip(), "")
    mined = run.record["stages"].get(f"mine {best.round} {name}".rstrip(), {}).get("facts", {})
    told = ", ".join(f"{count} {kind}" for kind, count in mined.items() if kind != "scans" and count)
    is_one_of_several = any(" gained by round " in metric for metric in metrics)
    return row | ({"gained": str(gained)} if is_one_of_several else {}) | ({"mined after it": told} if told else {})
