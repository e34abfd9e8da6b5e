"""A finished search of a run, read back: what was found in each image, what failed, and how its scores are shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.deciding import Deciding, deciding_of
from lesionkit.recipes.kind import Kind
from lesionkit.recipes.searching import F, Opened, S
from lesionkit.runs.models import chosen_model, model_of_run
from lesionkit.runs.records import record_file, record_files
from lesionkit.runs.run_folder import RunFolder


@dataclass(frozen=True, eq=False)
class Finished(Generic[F]):
    """See above.

    Attributes:
        found: in the order of the records, with the scores as the networks gave them.
        failed: case id (or path) -> why it was not searched.
        model: that searched.
    """

    found: list[F]
    failed: Mapping[str, str]
    model: Path
    deciding: Deciding[F]


def finished(
    run: RunFolder, settings: S, kind: Kind[S, F, Opened], recipe: str, only: str | None = None
) -> Finished[F]:
    """What a run found.

    Args:
        only: the name of one image; the others are not read.

    Raises:
        LesionkitError: the run holds no finished search, or no image of that name.
    """
    stage, files = run.record["stages"].get("find", {}), list(record_files(run.path))
    if not files or stage.get("state") != "done":
        raise LesionkitError(
            f"{run.path} holds no finished search; repeat the command that began it, and it goes on where it stopped"
        )
    if only is not None:
        files = [_record_of(run, only, kind)]
    model = model_of(run, recipe)
    failed = {**stage["facts"].get("left out", {}), **stage["facts"]["failed"]}
    found = [kind.search.read(file) for file in files]
    return Finished(found, failed, model, deciding_of(model, settings, kind))


def model_of(run: RunFolder, recipe: str) -> Path:
    """What a run searched with."""
    given, own = run.record["inputs"].get("model"), model_of_run(run.path)
    return own if own.is_file() else chosen_model(Path(given["path"]) if given else None, recipe)


def _record_of(run: RunFolder, name: str, kind: Kind[S, F, Opened]) -> Path:
    file = record_file(run.path, name)
    if not file.is_file():
        names = [kind.search.read(one).item.case_id for one in record_files(run.path)][:5]
        raise LesionkitError(
            f"{run.path} found nothing in a {kind.search.noun} called '{name}', for it searched none; there is "
            f"{', '.join(names)}{' …' if len(names) == 5 else ''}"
        )
    return file
