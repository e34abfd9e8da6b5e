"""A score as a short table on the terminal, and as files."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

    from lesionkit.evaluate.score import Score


def score_table(document: Mapping[str, Any], title: str) -> "Table":
    """Figures with their intervals, the CPM of subgroups, and the counts that are not zero.

    Args:
        document: a score as plain values, see `lesionkit.evaluate.document.to_document`.
    """
    from rich.table import Table

    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("figure", overflow="fold")
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("95 % interval", no_wrap=True)
    for name, figure in document["figures"].items():
        table.add_row(name, _value(figure["value"]), _between(figure["lower"], figure["upper"]) or _why(figure["note"]))
    for row in document["subgroups"]:
        if "cpm" not in row:
            continue
        name = f"{row['column']} {row['group']}: {row['lesions']} lesions"
        table.add_row(name, _value(row["cpm"]), _between(row["lower"], row["upper"]))
    table.caption = ", ".join(f"{n:,} {name.replace('_', ' ')}" for name, n in document["counts"].items() if n)
    table.caption_justify = "left"
    return table


def _value(value: float | None) -> str:
    """Four decimals of what lies between 0 and 1, else four significant digits.

    >>> _value(0.775910364), _value(52.509009), _value(None)
    ('0.7759', '52.51', '–')
    """
    if value is None:
        return "–"
    return f"{value:.4f}" if abs(value) <= 1 else f"{value:.4g}"


def _why(note: str) -> str:
    """Why there is no interval, as far as the note says it.

    >>> _why("of 2 lesions; no interval: one patient"), _why("of 2 lesions")
    ('none: one patient', '')
    """
    _, _, why = note.partition("no interval: ")
    return f"none: {why}" if why.startswith("one patient") else ""


def _between(lower: float | None, upper: float | None) -> str:
    return "" if lower is None or upper is None else f"{_value(lower)} to {_value(upper)}"


def one_of(marks: Path | None, own: Mapping[str, Any], instead: str | None) -> Path:
    """What is scored: the marks, or what is given instead of them."""
    given = [path for path in (marks, own.get(instead) if instead else None) if path is not None]
    if len(given) != 1:
        from lesionkit.core.errors import LesionkitError

        raise LesionkitError(f"give either --marks or --{instead}, got {'both' if given else 'neither'}")
    return given[0]


def finish(score: "Callable[[Path], Score]", marks: Path, compare: Path | None, out: Path | None) -> None:
    """Score one or two systems; write the files, print tables, warnings and what the result is for."""
    from rich.console import Console
    from rich.text import Text

    from lesionkit.evaluate.document import NOTICE, to_document
    from lesionkit.recipes.scoring import Named, compared, write_scores

    systems = [Named("first", score(marks)), *([Named("second", score(compare))] if compare is not None else [])]
    comparison = compared(*systems) if len(systems) > 1 else None
    main = comparison if comparison is not None else systems[0].score
    paths = write_scores(out, systems, comparison) if out is not None else ()
    console = Console(highlight=False)
    for system in systems if comparison is not None else ():
        console.print(score_table(to_document(system.score), f"{system.name}: {system.score.protocol}"))
    console.print(score_table(to_document(main), main.protocol))
    for path in paths:
        console.print(Text.assemble(("written  ", "dim"), (str(path), "bold")), soft_wrap=True)
    console.print(Text(NOTICE, style="dim"))
    complaints = Console(stderr=True, highlight=False, soft_wrap=True)
    for sentence in main.warnings:
        complaints.print(Text(f"warning: {sentence}", style="yellow"))
