"""The process that searches: takes the study that has waited longest, and leaves its results to be sent."""

import os
import shutil
import signal
import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import parent_process
from multiprocessing.connection import wait
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Protocol

from lesionkit.archive.queue import Queue
from lesionkit.archive.upkeep import STUDIES
from lesionkit.archive.visit import Visit
from lesionkit.core.errors import LesionkitError

RESULTS = "results"
"""Below the folder of a visit: what is sent."""

_TICK_S = 0.2
LOG = "log.txt"


@dataclass(frozen=True)
class Answered:
    """What came of a study.

    Attributes:
        files: DICOM files to be sent.
        told: one sentence for the log.
    """

    files: Sequence[Path]
    told: str = ""


class Searcher(Protocol):
    """Searches a study; travels to another process."""

    def ready(self) -> None:
        """Load what each search needs, before the first study comes."""
        ...

    def __call__(self, study: Path, out: Path) -> Answered:
        """Search the images of a folder.

        Args:
            study: holds its DICOM files.
            out: where files may be written; results lie anywhere in it.

        Raises:
            LesionkitError: the study cannot be searched.
        """
        ...


def say_to(folder: Path, sentence: str) -> str:
    """Add a line to the log of a queue, and return it."""
    line = f"{time.strftime('%Y-%m-%d %H:%M:%S')} {' '.join(sentence.split())}"
    with (folder / LOG).open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    return line


def work(folder: Path, claim: str, searcher: Searcher, addresses: Sequence[str], stop: Event) -> None:
    """Search studies until asked to stop; ends with the process that began it, however that ends.

    Args:
        folder: of the queue.
        claim: name of this listening; what an earlier one claimed is not this one's.
    """
    # Ctrl-C and a service's stop reach all processes; the parent alone decides what happens then.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with Queue(folder) as queue:
        searcher.ready()
        while not stop.is_set():
            visit = queue.claim(claim)
            if visit is None:
                stop.wait(_TICK_S)
            else:
                _search(queue, visit, folder, claim, searcher, addresses)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        wait([parent.sentinel])
        os._exit(1)


def _search(queue: Queue, visit: Visit, folder: Path, claim: str, searcher: Searcher, addresses: Sequence[str]) -> None:
    """Search one visit; its folder appears in one step when all results are in it."""
    working = folder / f".work-{visit.number}-{claim}"
    shutil.rmtree(working, ignore_errors=True)
    start = time.monotonic()
    try:
        _lay_out(queue, visit, folder, working / "study")
        answered = searcher(working / "study", working / "run")
        _keep(answered, working, folder / STUDIES / str(visit.number))
    except LesionkitError as error:
        queue.fail(visit, claim, reason := " ".join(str(error).split()), time.time())
        say_to(folder, f"study {visit.number} failed: {reason}")
    except OSError as error:
        queue.fail(visit, claim, reason := f"cannot read or write: {error.strerror or error}", time.time())
        say_to(folder, f"study {visit.number} failed: {reason}")
    # One bad study must not stop the others, whatever is wrong with it.
    except Exception as error:
        queue.fail(visit, claim, reason := f"unexpected {type(error).__name__}: {error}", time.time())
        say_to(folder, f"study {visit.number} failed: {reason}")
        (folder / "trace.txt").write_text(traceback.format_exc(), encoding="utf-8")
    else:
        if queue.found(visit, claim, addresses if answered.files else (), time.time()):
            say_to(folder, f"study {visit.number} searched in {time.monotonic() - start:.1f} s: {answered.told}")
    shutil.rmtree(working, ignore_errors=True)


def _lay_out(queue: Queue, visit: Visit, folder: Path, study: Path) -> None:
    """The images of a visit in a folder of their own, numbered as they came.

    Raises:
        LesionkitError: they are of more than one patient, or gone.
    """
    images = queue.images(visit)
    patients = {patient for _, patient in images if patient}
    if len(patients) > 1:
        raise LesionkitError(
            f"a study must be of one patient, but its images name {len(patients)}; correct it in the archive and send "
            "it again"
        )
    if not images:
        raise LesionkitError("its images are gone; send it again")
    study.mkdir(parents=True)
    for number, (name, _) in enumerate(images, start=1):
        place = study / f"{number:06d}.dcm"
        try:
            place.hardlink_to(folder / name)
        except FileNotFoundError as error:
            raise LesionkitError("its images are gone; send it again") from error
        except OSError:
            # A disk without hard links.
            shutil.copyfile(folder / name, place)


def _keep(answered: Answered, working: Path, place: Path) -> None:
    results = working / "run" / RESULTS
    results.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(answered.files, start=1):
        shutil.copyfile(file, results / f"{number:04d}.dcm")
    place.parent.mkdir(exist_ok=True)
    # What a kill left of an earlier search of this visit, none of which was sent.
    shutil.rmtree(place, ignore_errors=True)
    (working / "run").rename(place)
