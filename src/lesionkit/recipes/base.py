"""What a recipe is: settings, and one function per verb; and the words that all verbs speak."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.runs.run_folder import RunFolder

S = TypeVar("S", bound=Settings)

if TYPE_CHECKING:
    from lesionkit.review.session import Session

Progress: TypeAlias = Callable[[int, float], None]
"""Called by an objective after each step with the step's number (1, 2, …) and the value reached so far; larger is
better. It raises to stop a trial that falls behind, so let what it raises pass."""


@dataclass(frozen=True)
class Summary:
    """What a verb has to say when it is done; the command line shows it.

    Attributes:
        facts: rows of the closing table in order, name -> value as it is to be read: {"candidates": 12, "time": "3 s"}.
        paths: the files and folders written, the one to open first at the front.
        failed: case id (or path, before a case has one) -> one sentence; the other cases went on.
        warnings: sentences for the user.
        cases: how many cases were tried, failed ones included. Exit code 3 where some failed, 2 where all did.
        conclusion: what came out, in one line below the table.
    """

    facts: Mapping[str, str | int | float] = field(default_factory=dict)
    paths: tuple[Path, ...] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    cases: int = 0
    conclusion: str = ""


@dataclass(frozen=True)
class FindRequest:
    """What `lesionkit find` was asked for, apart from settings.

    Attributes:
        input: one scan, or a folder of many.
        model: a run folder or a model file; None for the model shipped with the recipe.
        truth: a table of lesions to score and illustrate against, or None.
    """

    input: Path
    model: Path | None = None
    truth: Path | None = None


@dataclass(frozen=True)
class ExportRequest:
    """What `lesionkit export` was asked for.

    Attributes:
        to: name of the format.
        out: folder to write to, new or empty; None for one in the run folder.
        at: the operating point or the threshold above which findings are exported, "all" for all; None for the line
            that the page draws.
    """

    to: str
    out: Path | None = None
    at: str | None = None


@dataclass(frozen=True)
class ReviewRequest:
    """What `lesionkit view` was asked for.

    Attributes:
        images: a folder that the images were moved to; None for where they were.
    """

    reader: str
    images: Path | None = None


@dataclass(frozen=True)
class MineRequest:
    """What `lesionkit mine` was asked for.

    Attributes:
        round: after which was mined; None for the last.
        out: table to write; None only tells what there is.
        pictures: whether a page of pictures is written beside it.
    """

    round: int | None = None
    out: Path | None = None
    pictures: bool = False


@dataclass(frozen=True)
class TruthRequest:
    """What `lesionkit review export` was asked for.

    Attributes:
        to: "truth" for a data set to train on, or the name of a format.
        out: folder to write to, new or empty; None for one in the run folder.
        readers: whose decisions count; none for all who finished an image.
    """

    to: str = "truth"
    out: Path | None = None
    readers: tuple[str, ...] = ()
    images: Path | None = None


@dataclass(frozen=True)
class Item:
    """One image on disk: what every data set is a list of.

    Attributes:
        case_id: what it is called, unlike any other of its list.
        patient_id: "" where only the file tells.
        known: what its data set says of it, as JSON can hold it, in the kind's own form; None where it says nothing.
    """

    case_id: str
    path: Path
    patient_id: str = ""
    known: Mapping[str, Any] | None = None


def _nothing() -> tuple[str, Sequence[tuple[Item, Any]]]:
    return "", ()


@dataclass(frozen=True, eq=False)
class Learned:
    """What a training left in the run folder, and what is to be scored.

    Attributes:
        summary: of the training.
        kept_out: gives the images that the run is scored on, as they are told ("12 scans of the test part"), and each
            with what searches it: a model file, or some of the networks of one. None where the data hold none.
        value: what a sweep makes larger; None or a sentence where it cannot be told.
    """

    summary: Summary
    kept_out: Callable[[], tuple[str, Sequence[tuple[Item, Any]]]] = _nothing
    validation: Callable[[], tuple[str, Sequence[tuple[Item, Any]]]] = _nothing
    value: float | str | None = None


@dataclass(frozen=True)
class ReviewVerbs(Generic[S]):
    """What can be done with the findings of a run by readers.

    Attributes:
        open: (run, request, settings): the run as a page shows it, and sentences on images that are not there.
        export: (run, request, settings): write what readers hold to be true, as a data set or a format.
        agreement: (run, settings): how far readers agree, as JSON holds it.
    """

    open: "Callable[[RunFolder, ReviewRequest, S], tuple[Session, Sequence[str]]]"
    export: "Callable[[RunFolder, TruthRequest, S], Summary]"
    agreement: Callable[[RunFolder, S], Mapping[str, Any]]


@dataclass(frozen=True)
class Recipe(Generic[S]):
    """Which step for which kind of image: a value that composes settings and functions; made by `flow.recipe`.

    The command line has short options for a few settings; a recipe names them so: `read.series` and `read.allow_gaps`
    (find), `learn.batch` (train: a number or "auto"), `engine.workers` and `engine.backend` (everywhere).

    Every function that gets a `RunFolder` gets one that is open, locked to this recipe, these settings and this data;
    it wraps each stage in `run.once(name, step)`, so that a second call skips what is finished, and resumes unfinished
    stages by itself. `settings` are resolved: defaults, then the model's, then `--config`, then `--set`.

    Attributes:
        name: as typed: "ct-nodule".
        summary: one line for `lesionkit recipes`.
        settings: nested settings, one group per stage; the group named "engine" (workers, backend) does not change
            results and may differ when a run is resumed.
        index: (data, out, settings): write the catalogue of `data` to the Parquet file `out`.
        prepare: (run, data, settings, preview): fill the store; with `preview` also a page of odd cases first.
        train: (run, data, settings, start_from): prepare what is missing, train, and leave the model in the run
            folder; `start_from` is a model to fine-tune, or None.
        find: (run, request, settings): candidates, pictures and the page of one scan or many.
        report: (run, settings): write the page of a run again from what lies in its folder.
        export: (run, request, settings): write what was found as files of another program.
        run: (run, data, settings): every stage in order.
        model_settings: the settings a model was trained with; None is the shipped one. Raises LesionkitError that lists
            the models there are when there is none.
        shipped_models: name -> file of the models in the package; empty when none.
        complete: (model, runs, entries): measure a model on what `find` found with it, and write operating points,
            calibration, figures and further entries into its card; returns what was measured.
        objective: (data, folder, settings, progress) -> value, larger is better; trains and scores one trial of a
            sweep, keeping its files in `folder`. None for a recipe that cannot be swept.
        beside: (run, settings): what stands in a run's column where several are shown side by side.
        viewer: (run, settings, case id): write a page in which one image can be scrolled through.
        review: what readers do with what was found; None for nothing.
        mine: (run, request, settings): write what a run mined between its rounds; None for a kind that mines nothing.
    """

    name: str
    summary: str
    settings: type[S]
    index: Callable[[Path, Path, S], Summary]
    prepare: Callable[[RunFolder, Path, S, bool], Summary]
    train: Callable[[RunFolder, Path, S, Path | None], Summary]
    find: Callable[[RunFolder, FindRequest, S], Summary]
    report: Callable[[RunFolder, S], Summary]
    export: Callable[[RunFolder, ExportRequest, S], Summary]
    run: Callable[[RunFolder, Path, S], Summary]
    model_settings: Callable[[Path | None], S]
    shipped_models: Callable[[], Mapping[str, Path]]
    complete: Callable[[Path, Sequence[Path], Mapping[str, Any]], Mapping[str, Any]]
    objective: Callable[[Path, Path, S, Progress], float] | None = None
    beside: Callable[[RunFolder, S], Any] | None = None
    viewer: Callable[[RunFolder, S, str], Summary] | None = None
    review: ReviewVerbs[S] | None = None
    mine: Callable[[RunFolder, MineRequest, S], Summary] | None = None

    @property
    def reviewed(self) -> ReviewVerbs[S]:
        """What readers do with what was found.

        Raises:
            LesionkitError: nothing can be done.
        """
        if self.review is None:
            raise LesionkitError(f"findings of {self.name} cannot be reviewed")
        return self.review
