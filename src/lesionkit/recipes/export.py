"""The findings of a finished run -> the files of another program, whatever the kind of image."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias, TypeGuard

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Handed, NothingFoundError
from lesionkit.evaluate.points import DecideSettings
from lesionkit.recipes.base import ExportRequest, Summary
from lesionkit.recipes.deciding import deciding_of
from lesionkit.recipes.formats import FORMATS, Format, format_of, writer_of
from lesionkit.recipes.handing import Handing, maker_of, refuse_filled
from lesionkit.recipes.identifiers import identified
from lesionkit.recipes.kind import Kind
from lesionkit.recipes.searching import F, Opened, S
from lesionkit.runs.models import chosen_model, model_of_run
from lesionkit.runs.records import record_files
from lesionkit.runs.run_folder import RunFolder

Written: TypeAlias = tuple[list[Path], tuple[str, ...], dict[str, str]]
"""Files, sentences on what cannot hold that nothing was found, and by case id why an image failed."""
ALL = "all"
EXPORTS, DERIVED = "export", "derived"
"""Where files lie in a run folder, and below them images that had to be written as DICOM."""


def export(run: RunFolder, request: ExportRequest, settings: S, kind: Kind[S, F, Opened], recipe: str) -> Summary:
    """See `Recipe.export`. An image whose findings cannot be written is named, and the others go on."""
    handing = kind.handing
    if handing is None:
        raise LesionkitError(f"findings of {recipe} cannot be handed over; its kind of image gives no form of them")
    out = request.out or run.path / EXPORTS / request.to
    if request.to in FORMATS and FORMATS[request.to].networks:
        return _networks(model_that_searched(run, recipe), settings, handing, out)
    found = finished_search(run, kind)
    model = model_that_searched(run, recipe)
    found, least = _decided(found, model, settings, kind, request.at)
    maker = maker_of(run, model)
    handed = [handing.hand(one, run.path, settings, maker) for one in found]
    if least is not None and (handed[0].line_is_of_findings or _is_number(request.at)):
        handed = [one.above(least) for one in handed]
    format = format_of(request.to, type(handed[0]), kind.search.noun)
    refuse_filled(out)
    files, empty, failed = written(handed, format, out, handing)
    if run.with_identifiers:
        identified(out, found, asked=True)
    told = {f"{kind.search.noun}s": len(handed), "files": len(files)}
    return Summary(told, (out,) if len(files) > 3 else tuple(files), failed, empty, len(handed))


def _networks(model: Path, settings: S, handing: Handing[S, F], out: Path) -> Summary:
    """The networks of a model as ONNX files."""
    from lesionkit.nets.onnx_file import write_onnx

    if not model.is_file():
        raise LesionkitError(f"{model}: the model that searched is gone; put it back where it was")
    refuse_filled(out)
    files: list[Path] = []
    largest = 0.0
    for one in handing.networks(model, settings):
        written, difference = write_onnx(one, out)
        files, largest = [*files, *written], max(largest, difference)
    told: dict[str, str | int | float] = {
        "networks": len(files) // 2,
        "largest difference to PyTorch": f"{largest:.1e}",
    }
    return Summary(told, (out,) if len(files) > 3 else tuple(files), cases=len(files) // 2)


def finished_search(run: RunFolder, kind: Kind[S, F, Opened]) -> list[F]:
    """What was found in every image of a run.

    Raises:
        LesionkitError: the search is not finished.
    """
    stage, files = run.record["stages"].get("find", {}), list(record_files(run.path))
    if not files or stage.get("state") != "done":
        raise LesionkitError(
            f"{run.path} holds no finished search; repeat the command that began it, and it goes on where it stopped"
        )
    return [kind.search.read(file) for file in files]


def _decided(
    found: list[F], model: Path, settings: S, kind: Kind[S, F, Opened], at: str | None
) -> tuple[list[F], float | None]:
    """What was found with the scores that are shown, and the least score of what is exported; None for all."""
    if not model.is_file():
        if at is None or at == ALL or _is_number(at):
            return found, float(at) if _is_number(at) else None
        raise LesionkitError(f"there is no operating point '{at}', for the model is gone; give --at 0..1 or --at all")
    line = at if at is not None and at != ALL else getattr(settings, "decide", DecideSettings()).at
    asked = settings.model_copy(update={"decide": DecideSettings(at=line)}) if hasattr(settings, "decide") else settings
    deciding = deciding_of(model, asked, kind)
    return deciding.rescored(found, kind), None if at == ALL else deciding.decision.threshold


def _is_number(at: str | None) -> TypeGuard[str]:
    return isinstance(DecideSettings(at=at).at, float)


def model_that_searched(run: RunFolder, recipe: str) -> Path:
    """The weights that searched, whether they are there or not."""
    given, own = run.record["inputs"].get("model"), model_of_run(run.path)
    if own.is_file():
        return own
    try:
        return chosen_model(Path(given["path"]) if given else None, recipe)
    except LesionkitError:
        return own


def written(handed: Sequence[Handed], format: Format, out: Path, handing: Handing[S, F]) -> Written:
    """Write findings of all images in a format; an image whose findings cannot be written is named."""
    return _each(handed, format, out, handing) if format.each else _together(handed, format, out)


def _each(handed: Sequence[Handed], format: Format, out: Path, handing: Handing[S, F]) -> Written:
    files: list[Path] = []
    empty: list[str] = []
    failed: dict[str, str] = {}
    write = writer_of(format.each or {}, type(handed[0]))
    for number, one in enumerate(handed, start=1):
        try:
            placed = one
            if format.on_dicom and not one.planes():
                placed = handing.derive(one, out / DERIVED / f"{number:04d}")
            files += write(placed, out)
        except NothingFoundError as error:
            empty.append(str(error))
        except LesionkitError as error:
            failed[one.case_id] = str(error)
    return files, tuple(empty), failed


def _together(handed: Sequence[Handed], format: Format, out: Path) -> Written:
    return list(writer_of(format.together or {}, type(handed[0]))(handed, out)), (), {}
