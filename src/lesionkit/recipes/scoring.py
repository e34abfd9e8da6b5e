"""Files of truth and marks -> scores, and scores -> a folder: what `lesionkit evaluate` does whatever the protocol."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.evaluate.compare import compare_scores
from lesionkit.evaluate.document import from_document, to_document, to_tables
from lesionkit.evaluate.score import Score
from lesionkit.read.score import read_score
from lesionkit.read.truth.boxes import is_box_marks
from lesionkit.report.curves import plot_curves
from lesionkit.report.score_page import write_score_page
from lesionkit.runs.fingerprint import fingerprint
from lesionkit.runs.versions import versions
from lesionkit.write.score import write_score

CANDIDATES_FILE, SCORES_FILE = "candidates.csv", "scores.csv"
SUBMISSION_FILE, PREDICTIONS_FILE = "submission.csv", "predictions.csv"
_PLOTS = ("curve.png", "curve.svg")


@dataclass(frozen=True)
class Named:
    """A score and what to call the system it is of."""

    name: str
    score: Score


def marks_file(path: Path, name: str = CANDIDATES_FILE) -> Path:
    """The marks: the file itself, a folder of boxes in JSON, or the table of that name in a run folder.

    Raises:
        LesionkitError: a folder without such a table.
    """
    path = Path(path)
    if not path.is_dir() or is_box_marks(path):
        return path
    if not (path / name).is_file():
        raise LesionkitError(f"{path} holds no {name}; pass a table, or the folder of a run that wrote one")
    return path / name


def with_inputs(score: Score, inputs: Mapping[str, Path | None]) -> Score:
    """The score with the fingerprints of its input files and the versions it was made with among its facts."""
    files = {name: fingerprint(path) for name, path in inputs.items() if path is not None}
    return replace(score, facts={**score.facts, "inputs": files, "versions": versions()})


def load_score(folder: Path) -> Score:
    """A score from the folder that an evaluation wrote."""
    return from_document(*read_score(folder))


def compared(first: Named, second: Named) -> Score:
    """The paired comparison of two systems, with the input files of both among its facts."""
    score = compare_scores(first.score, second.score, (first.name, second.name))
    inputs = {
        f"{system.name}: {name}": entry
        for system in (first, second)
        for name, entry in system.score.facts.get("inputs", {}).items()
    }
    return replace(score, facts={**score.facts, "inputs": inputs, "versions": versions()})


def write_scores(out: Path, systems: Sequence[Named], comparison: Score | None = None) -> tuple[Path, ...]:
    """Write JSON, CSV, PNG, SVG and one HTML page.

    One system lies in OUT itself; of a comparison, the comparison lies in OUT and the systems in OUT/<name>.

    Returns:
        The page and the JSON file.

    Raises:
        LesionkitError: OUT holds something else than this very evaluation.
    """
    main = comparison if comparison is not None else systems[0].score
    out = Path(out)
    if _holds_files(out):
        _refuse_another(out, main)
        _write_all(out, systems, comparison)
    else:
        with replacing(out) as folder:
            folder.mkdir()
            _write_all(folder, systems, comparison)
    return out / "score.html", out / "score.json"


def _write_all(folder: Path, systems: Sequence[Named], comparison: Score | None) -> None:
    main = comparison if comparison is not None else systems[0].score
    if comparison is not None:
        for system in systems:
            write_score(folder / system.name, to_document(system.score), to_tables(system.score))
    for name in _PLOTS if main.curves else ():
        plot_curves(main.curves, folder / name)
    shown = [main] if comparison is None else [main, *(_beside(system) for system in systems)]
    write_score_page(folder, shown, title=main.protocol)
    write_score(folder, to_document(main), to_tables(main))


def _beside(system: Named) -> Score:
    """A system below its comparison: the curves are drawn there already."""
    return replace(system.score, protocol=f"{system.name} ({system.score.protocol})", curves=())


def _holds_files(out: Path) -> bool:
    if out.exists() and not out.is_dir():
        raise LesionkitError(f"--out must be a folder, but {out} is a file; name another")
    return out.is_dir() and any(not p.name.startswith(".") for p in out.iterdir())


def _refuse_another(out: Path, score: Score) -> None:
    if not (out / "score.json").is_file():
        raise LesionkitError(f"{out} is not empty and holds no score; name a new or an empty folder")
    before, _ = read_score(out)
    if _identity(before) != _identity(to_document(score)):
        raise LesionkitError(
            f"{out} holds another evaluation (protocol '{before['protocol']}'); name another --out, so that no result "
            "is a mixture"
        )


def _identity(document: Mapping[str, Any]) -> Any:
    """What makes two evaluations the same: the protocol, the settings and the content of the inputs."""
    facts = {name: value for name, value in document["facts"].items() if name not in ("versions", "inputs")}
    inputs = document["facts"].get("inputs", {})
    return document["protocol"], facts, {name: entry["sha256"] for name, entry in inputs.items()}
