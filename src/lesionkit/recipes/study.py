"""A study that arrived from an archive -> searched by a recipe, its findings as DICOM files to go back."""

import importlib
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lesionkit.archive.send import dicom_files
from lesionkit.archive.work import Answered
from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.recipes import load_recipe
from lesionkit.recipes.base import ExportRequest, FindRequest
from lesionkit.recipes.ensemble import model_card
from lesionkit.recipes.formats import FORMATS
from lesionkit.runs.models import chosen_model
from lesionkit.runs.run_folder import open_run

WITHOUT_POINTS = "0.5"
"""The least score that goes back where a model has no operating points and nobody says which."""


@dataclass(frozen=True)
class StudySearch:
    """Searches studies by a recipe; see `archive.work.Searcher`.

    Attributes:
        model: run folder, file or name of a shipped model; None for the one that is shipped.
        settings: of the recipe.
        results: what goes back, names of `FORMATS`.
        at: above which operating point or score; see `ExportRequest`.
        with_identifiers: whether the page of a study names its patient.
    """

    recipe: str
    model: Path | None
    settings: Settings
    results: tuple[str, ...]
    at: str | None = None
    with_identifiers: bool = False

    def ready(self) -> None:
        """Load the recipe and the libraries of its search, so that the first study does not wait for them."""
        load_recipe(self.recipe)
        for module in ("lesionkit.nets.weights", "lesionkit.write.handed.sr"):
            importlib.import_module(module)

    def __call__(self, study: Path, out: Path) -> Answered:
        """Search a folder of DICOM images into a run folder, and write what goes back.

        Raises:
            LesionkitError: nothing in it can be searched, or what was found cannot be written.
        """
        recipe = load_recipe(self.recipe)
        weights = recipe.shipped_models().get(str(self.model or recipe.name), self.model)
        start = time.monotonic()
        with open_run(out, recipe.name, self.settings, {"input": study, "model": weights, "truth": None}) as run:
            run.with_identifiers = self.with_identifiers
            summary = recipe.find(run, FindRequest(study, self.model), self.settings)
            searched = time.monotonic()
            handed = [recipe.export(run, ExportRequest(name, at=self.at), self.settings) for name in self.results]
        failed = {**summary.failed, **{case: why for one in handed for case, why in one.failed.items()}}
        written = [path for one in handed for path in one.paths]
        sentences = [why if case in why else f"{case}: {why}" for case, why in failed.items()]
        if sentences and not written:
            raise LesionkitError("; ".join(sentences))
        told = [f"{name} {value}" for name, value in summary.facts.items()]
        told.append(f"find took {searched - start:.1f} s, writing its results {time.monotonic() - searched:.1f} s")
        files = [file for path in written for file in dicom_files(path)]
        return Answered(list(dict.fromkeys(files)), "; ".join([", ".join(told), *sentences]))


def study_search(
    recipe: str,
    model: Path | None,
    settings: Settings,
    results: Sequence[str],
    at: str | None = None,
    named: bool = False,
) -> StudySearch:
    """A search that is known to have what it needs, before anything arrives.

    Args:
        named: `with_identifiers`; see `StudySearch`.

    Raises:
        LesionkitError: no such recipe, model or kind of result.
    """
    unknown = [name for name in results if name not in FORMATS or not FORMATS[name].on_dicom]
    if unknown:
        known = ", ".join(name for name, format in FORMATS.items() if format.on_dicom)
        raise LesionkitError(f"what goes back to an archive is {known}, got '{unknown[0]}'")
    load_recipe(recipe)
    card = model_card(chosen_model(model, recipe))
    if at is None and not card.get("points"):
        # Such a model ranks and decides nothing; a reader is not to be sent all that it ranks.
        at = WITHOUT_POINTS
    engine: Any = getattr(settings, "engine", None)
    if engine is not None and engine.workers is None:
        # One study is searched at a time; to begin processes for its few images takes longer than they do.
        settings = settings.model_copy(update={"engine": engine.model_copy(update={"workers": 1})})
    return StudySearch(recipe, model, settings, tuple(results), at, named)
