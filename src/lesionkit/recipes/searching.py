"""Many images searched, each once: the next is opened meanwhile, a record is written last, what fails is named."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, Protocol, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.settings import Settings
from lesionkit.engine.ahead import Ahead
from lesionkit.engine.map import EngineSettings, threads_alone, workers
from lesionkit.engine.threads import limited
from lesionkit.recipes.attempts import Counted, attempt
from lesionkit.recipes.base import Item
from lesionkit.runs.records import damaged, read_record, record_file, write_record


class Finding(Protocol):
    """What was found in one image. `document` and `parse` are inverse, pixels apart.

    Attributes:
        facts: of the file and the search, with "seconds" (step -> s, and "total") and "warnings" (sentences).
    """

    @property
    def item(self) -> Item: ...
    @property
    def facts(self) -> Mapping[str, Any]: ...
    def document(self) -> dict[str, Any]:
        """What JSON can hold."""
        ...

    @classmethod
    def parse(cls, item: Item, document: Mapping[str, Any]) -> Self:
        """From its document; raises KeyError, TypeError or ValueError where that is damaged."""
        ...


S = TypeVar("S", bound=Settings)
F = TypeVar("F", bound=Finding)
Opened = TypeVar("Opened")
Planned = tuple[Item, Any]
"""An image, and what searches it: a model file, or some of the networks of one."""


@dataclass(frozen=True)
class Search(Generic[S, F, Opened]):
    """How images of one kind are searched.

    Attributes:
        noun: what one image is called: "scan".
        finding: the class of what is found in one.
        open: (item, settings): read what a search begins with; where one image is searched at a time, the next is
            opened meanwhile in a thread.
        search: (item, opened, model, settings, folder, keep): search one image and write its own files below `folder`.
            With `keep` what the page needs of the pixels is kept on disk, else it may stay in what is returned.
        features: (item, opened, model, settings): what the first network of a model sees of an image, (k, c) of k
            blocks, as its search would; None where foreign images of a kind cannot be told.
        few: fewer images are searched one after the other where nobody asks for workers: one search keeps all cores
            busy, and to start other processes takes longer.
    """

    noun: str
    finding: type[F]
    open: Callable[[Item, S], Opened]
    search: Callable[[Item, Opened, Any, S, Path, bool], F]
    few: int = 2
    features: Callable[[Item, Opened, Path, S], NDArray[np.float32]] | None = None

    def alone(self, planned: Planned, settings: S, folder: Path) -> F:
        """Search one image, write its record, and return what was found with the pixels that the page needs."""
        with limited(threads_alone(getattr(settings, "engine", EngineSettings()))):
            return self._kept(planned, self.open(planned[0], settings), settings, folder, keep=False)

    def many(
        self, plan: Sequence[Planned], settings: S, folder: Path, tell: Callable[[str], None] | None = None
    ) -> dict[str, str]:
        """Search every image that has no record in `folder`; by case id, why images failed.

        Args:
            tell: is told a sentence where the process of an image died.

        Raises:
            LesionkitError: all failed.
        """
        engine: EngineSettings = getattr(settings, "engine", EngineSettings())
        few = engine.workers is None and len(plan) < self.few
        work = partial(self.one, settings=settings, folder=folder)
        waiting = [planned for planned in plan if not record_file(folder, planned[0].case_id).is_file()]
        counted = Counted(folder, "find", len(plan) - len(waiting), tell)
        if engine.backend == "ray" or (workers(engine) > 1 and not few):
            return attempt(work, waiting, engine, _name_of, self.noun, counted=counted)
        items = [item for item, _ in waiting]
        with Ahead(items, lambda item: self.open(item, settings), lambda item: item.case_id) as ahead:
            here = engine.model_copy(update={"workers": 1})
            return attempt(partial(work, opened=ahead), waiting, here, _name_of, self.noun, counted=counted)

    def one(self, planned: Planned, settings: S, folder: Path, opened: Callable[[Item], Opened] | None = None) -> None:
        """Search one of many images, unless its record is there already."""
        item = planned[0]
        if not record_file(folder, item.case_id).is_file():
            ready = self.open(item, settings) if opened is None else opened(item)
            self._kept(planned, ready, settings, folder, keep=True)

    def read(self, file: Path, item: Item | None = None) -> F:
        """What a record says was found.

        Args:
            item: the image with what is known of it now; None for what was known when it was searched.

        Raises:
            LesionkitError: the record is damaged.
        """
        document = read_record(file)
        try:
            kept = document.pop("item")
            kept = Item(**{**kept, "path": Path(kept["path"])})
            return self.finding.parse(item or kept, document)
        except (KeyError, TypeError, ValueError) as error:
            raise damaged(file, error) from error

    def _kept(self, planned: Planned, opened: Opened, settings: S, folder: Path, keep: bool) -> F:
        item, model = planned
        found = self.search(item, opened, model, settings, folder, keep)
        write_record(folder, item.case_id, {"item": asdict(item), **found.document()})
        return found


def _name_of(planned: Planned) -> str:
    return planned[0].case_id
