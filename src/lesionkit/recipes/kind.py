"""What a kind of image is: the functions in which it differs from the others; `flow` holds what they share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Generic, Self

from lesionkit.core.errors import LesionkitError
from lesionkit.evaluate.score import Score
from lesionkit.evaluate.tally import Tally
from lesionkit.infer.calibrate import Calibration
from lesionkit.recipes.base import FindRequest, Item, Learned, Progress, Summary
from lesionkit.recipes.handing import Handing
from lesionkit.recipes.reviewing import Reviewing
from lesionkit.recipes.searching import F, Opened, S, Search
from lesionkit.report.about import About
from lesionkit.report.found import FoundCase
from lesionkit.report.look import Look
from lesionkit.runs.run_folder import RunFolder


@dataclass(frozen=True, eq=False)
class Listed:
    """The images that are searched.

    Attributes:
        notes: sentences on truth that belongs to none of them, and on what was passed over rightly.
        left_out: what was not searched though somebody may expect it -> why.
    """

    items: Sequence[Item]
    notes: Sequence[str] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Scored:
    """What was found beside what is known.

    Attributes:
        known: the truth by case id, in the kind's own form, of those where somebody looked.
        scores: by name; empty where there is nothing to score.
        warnings: truths that could not be used, in sentences.
        sources: files that the truth was read from.
        tally: every score beside what is true, for operating points, calibration and reliability; None where nothing is
            known.
    """

    known: Mapping[str, Any]
    scores: Mapping[str, Score]
    warnings: Sequence[str] = ()
    sources: Sequence[str] = ()
    tally: Tally | None = None


@dataclass(frozen=True, eq=False)
class View:
    """What was written for the reader.

    Attributes:
        paths: the page first.
        told: rows of the closing table.
    """

    paths: Sequence[Path]
    told: Mapping[str, str | int | float]


@dataclass(frozen=True, eq=False)
class Shelf(Generic[F]):
    """A finished search on its way to the page.

    Attributes:
        folder: of the run.
        facts: what made the result: versions, settings, model, failed images with reasons, when the run began.
        model: that searched.
        warnings: of the whole run.
        about: what every page says: where the line is drawn, whether scores are probabilities, the model's card.
    """

    folder: Path
    found: Sequence[F]
    scored: Scored
    facts: Mapping[str, Any]
    model: Path
    warnings: Sequence[str]
    about: About = field(default_factory=About)


@dataclass(frozen=True, eq=False)
class Pages(Generic[F, S]):
    """What a kind shows: called, it writes the tables and the page of a run; and what it shows of one image alone.

    Attributes:
        write: (shelf, settings): see `Kind.show`.
        look: (shelf with one image, settings): that image in a small box, for runs side by side.
        volume: (shelf with one image, settings): the image with what was found, to be scrolled through; None where
            images are flat.
    """

    write: Callable[[Shelf[F], S], View]
    look: Callable[[Shelf[F], S], Look] | None = None
    volume: Callable[[Shelf[F], S], FoundCase] | None = None

    def __call__(self, shelf: Shelf[F], settings: S) -> View:
        return self.write(shelf, settings)

    @classmethod
    def of(cls, show: Callable[[Shelf[F], S], View]) -> Self:
        """A `Kind.show` as it is, or a plain function that shows no image alone."""
        return show if isinstance(show, cls) else cls(show)


@dataclass(frozen=True)
class Apart(Generic[S]):
    """Input that is not searched image by image, such as patches of slides.

    Attributes:
        holds: (path): whether it is such input.
        find: (run, request, settings, model): search it and write its page.
        show: (run, path, truth, settings, model): write its page again.
    """

    holds: Callable[[Path], bool]
    find: Callable[[RunFolder, FindRequest, S, Path], Summary]
    show: Callable[[RunFolder, Path, Path | None, S, Path], Summary]


@dataclass(frozen=True)
class Kind(Generic[S, F, Opened]):
    """A kind of image: what `flow` needs to know of it, and no more.

    Attributes:
        search: how images of this kind are searched.
        items: (path, truth, settings): the images of a file or folder, in order, with what is known of each.
        index: (data, out, settings): write the table of a data set; see `Recipe.index`.
        prepare: (run, data, settings, preview): fill the store; see `Recipe.prepare`.
        learn: (run, data, settings, start_from, progress): prepare what is missing and train; see `Recipe.train`.
        score: (found, model, settings): join the truth, and score.
        show: (shelf, settings): write tables and page; `Pages`, where it also shows one image alone.
        scores: (found, model, settings): every score that the line is drawn through: of candidates, or of images.
        basis: (settings): the settings that scores depend on, by dotted name; operating points and calibration hold for
            these alone.
        rescored: (found, curve): the same with calibrated scores; None where the kind calibrates by itself.
        finds: what a score is of, where it is above the line: "finding".
        handing: how findings are handed to other programs; None for not at all.
        reviewing: how findings are reviewed on a page, and become truth; None for not at all.
        apart: what else than images the kind can search; None for nothing.
    """

    search: Search[S, F, Opened]
    items: Callable[[Path, Path | None, S], Listed]
    index: Callable[[Path, Path, S], Summary]
    prepare: Callable[[RunFolder, Path, S, bool], Summary]
    learn: Callable[[RunFolder, Path, S, Path | None, Progress | None], Learned]
    score: Callable[[Sequence[F], Path, S], Scored]
    show: Callable[[Shelf[F], S], View]
    scores: Callable[[Sequence[F], Path, S], Sequence[float]]
    basis: Callable[[S], Mapping[str, Any]]
    rescored: Callable[[F, Calibration], F] | None = None
    finds: str = "finding"
    handing: Handing[S, F] | None = None
    reviewing: Reviewing[S, F] | None = None
    apart: Apart[S] | None = None

    def __post_init__(self) -> None:
        optional = ("search", "rescored", "finds", "handing", "reviewing", "apart")
        needed = [one.name for one in fields(self) if one.name not in optional]
        missing = [name for name in needed if not callable(getattr(self, name))]
        if missing or not isinstance(self.search, Search):
            raise LesionkitError(
                f"a kind of image needs a function for each of search, {', '.join(needed)}, but "
                f"{', '.join(missing) or 'search'} is none"
            )
