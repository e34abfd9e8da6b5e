"""One image of a run alone: a page in which it can be scrolled through, with what was found in it."""

from pathlib import Path
from urllib.parse import quote

from lesionkit.core.errors import LesionkitError
from lesionkit.recipes.base import Summary
from lesionkit.recipes.finished import finished
from lesionkit.recipes.kind import Kind, Pages, Shelf
from lesionkit.recipes.searching import F, Opened, S
from lesionkit.report.about import About
from lesionkit.report.viewer_page import write_viewer
from lesionkit.runs.run_folder import RunFolder

FOLDER = "viewer"


def write_volume(run: RunFolder, settings: S, case_id: str, kind: Kind[S, F, Opened], recipe: str) -> Summary:
    """Write RUN/viewer/CASE.html; see `Recipe.viewer`.

    Raises:
        LesionkitError: images of this kind are flat, or the run searched none of that name.
    """
    volume = Pages.of(kind.show).volume
    if volume is None:
        raise LesionkitError(
            f"a page of three planes needs scans, but {run.path} holds {kind.search.noun}s; report.html shows them"
        )
    done = finished(run, settings, kind, recipe, only=case_id)
    found = done.deciding.rescored(done.found, kind)
    scored = kind.score(found, done.model, settings)
    shelf = Shelf(run.path, found, scored, {}, done.model, (), About(done.deciding.decision))
    page = write_viewer(
        run.path / FOLDER / f"{_file_name(case_id)}.html", volume(shelf, settings), shelf.about.decision
    )
    kilobytes = page.stat().st_size / 1000
    return Summary({kind.search.noun: case_id, "size": f"{kilobytes:,.0f} kB"}, (Path(page),))


def _file_name(case_id: str) -> str:
    return quote(case_id, safe=" +,()=@", errors="surrogateescape").lstrip(".")
