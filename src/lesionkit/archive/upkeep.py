"""What is done to a queue beside its work: look at it, begin failed studies again, take away what is not needed."""

import shutil
from pathlib import Path
from typing import Any

from lesionkit.archive.queue import Queue
from lesionkit.archive.visit import FILE
from lesionkit.core.errors import LesionkitError

IMAGES, STUDIES = "images", "studies"
"""Folders beside the queue's file: images as they came, and what was found, by number of visit."""

_WHAT_IS_LEFT = (
    "SELECT v.id AS number, v.study_uid, v.state, v.reason, COUNT(i.id) AS images, "
    "(SELECT GROUP_CONCAT(d.reason, '; ') FROM deliveries d WHERE d.visit = v.id AND d.reason != '') AS waits "
    "FROM visits v LEFT JOIN images i ON i.visit = v.id GROUP BY v.id ORDER BY v.id"
)


def queue_rows(folder: Path) -> list[dict[str, Any]]:
    """A row per visit: number, study_uid, state, reason, images, and why its results wait (`waits`), or None.

    Raises:
        LesionkitError: the folder holds no queue.
    """
    if not (folder / FILE).is_file():
        raise LesionkitError(f"{folder} holds no queue; pass a folder that an earlier --queue named")
    with Queue(folder) as queue, queue.step() as base:
        return [dict(row) for row in base.execute(_WHAT_IS_LEFT).fetchall()]


def begin_again(queue: Queue, now: float) -> int:
    """Let failed visits be searched, or their results be sent, once more; returns how many."""
    with queue.step() as base:
        refused = "SELECT visit FROM deliveries WHERE state = 'refused'"
        sent = base.execute(f"UPDATE visits SET state = 'sending', reason = '' WHERE id IN ({refused})").rowcount
        base.execute("UPDATE deliveries SET state = 'waiting', tries = 0, due = ? WHERE state = 'refused'", (now,))
        searched = base.execute(
            "UPDATE visits SET state = 'waiting', reason = '', tries = 0 WHERE state = 'failed'"
        ).rowcount
    return int(sent + searched)


def remove_finished(queue: Queue, folder: Path, before: float) -> None:
    """Remove the images of visits that ended before a time; what was found stays, and that an image is known."""
    finished = "visit IN (SELECT id FROM visits WHERE state IN ('done', 'failed') AND changed < ?) AND file IS NOT NULL"
    with queue.step() as base:
        names = [row["file"] for row in base.execute(f"SELECT file FROM images WHERE {finished}", (before,)).fetchall()]
        base.execute(f"UPDATE images SET file = NULL WHERE {finished}", (before,))
    for name in names:
        (folder / name).unlink(missing_ok=True)


def clear_away(queue: Queue, folder: Path) -> None:
    """Remove what a kill left over; nothing may be arriving meanwhile."""
    with queue.step() as base:
        needed = {row["file"] for row in base.execute("SELECT file FROM images WHERE file IS NOT NULL").fetchall()}
    for file in (folder / IMAGES).iterdir():
        if file.relative_to(folder).as_posix() not in needed:
            file.unlink()
    for left in folder.glob(".work-*"):
        shutil.rmtree(left, ignore_errors=True)
