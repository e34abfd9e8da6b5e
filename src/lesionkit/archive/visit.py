"""The nouns of the queue, and its file."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from lesionkit.core.errors import LesionkitError

FILE = "queue.sqlite"

_FORMAT = 1
_TABLES = """
CREATE TABLE visits (
    id INTEGER PRIMARY KEY, study_uid TEXT NOT NULL, state TEXT NOT NULL, claim TEXT NOT NULL DEFAULT '',
    tries INTEGER NOT NULL DEFAULT 0, arrived REAL NOT NULL, changed REAL NOT NULL, reason TEXT NOT NULL DEFAULT ''
);
CREATE INDEX visits_by_state ON visits (state);
CREATE TABLE images (
    id INTEGER PRIMARY KEY, study_uid TEXT NOT NULL, series_uid TEXT NOT NULL, sop_uid TEXT NOT NULL,
    patient TEXT NOT NULL, visit INTEGER NOT NULL, file TEXT, UNIQUE (study_uid, sop_uid)
);
CREATE INDEX images_by_visit ON images (visit);
CREATE TABLE deliveries (
    visit INTEGER NOT NULL, address TEXT NOT NULL, state TEXT NOT NULL, tries INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL, reason TEXT NOT NULL DEFAULT '', PRIMARY KEY (visit, address)
);
"""


@dataclass(frozen=True)
class Arrival:
    """An image as its header names it; any of the names may be hostile, so that they are data and never paths."""

    study_uid: str
    series_uid: str
    sop_uid: str
    patient: str


@dataclass(frozen=True)
class Visit:
    """A study that is worked on.

    Attributes:
        tries: how often a search of it has been begun since its worker last died.
    """

    number: int
    study_uid: str
    tries: int


@dataclass(frozen=True)
class Delivery:
    """The results of a visit on their way to one archive.

    Attributes:
        tries: how often it has been tried.
    """

    visit: int
    study_uid: str
    address: str
    tries: int


class FullError(LesionkitError):
    """A study that has more images than are allowed."""


def open_base(folder: Path) -> sqlite3.Connection:
    """The file of a queue, made if it is not there; every transaction is begun and ended by who uses it.

    Raises:
        LesionkitError: it is no queue, or one of another version.
    """
    try:
        base = sqlite3.connect(folder / FILE, timeout=60, isolation_level=None, check_same_thread=False)
        base.row_factory = sqlite3.Row
        base.execute("PRAGMA journal_mode = WAL")
        # In this mode a commit is on disk when it returns, also if the power fails.
        base.execute("PRAGMA synchronous = FULL")
        base.execute("BEGIN IMMEDIATE")
        (found,) = base.execute("PRAGMA user_version").fetchone()
        if found == 0:
            for statement in _TABLES.split(";"):
                base.execute(statement)
            base.execute(f"PRAGMA user_version = {_FORMAT}")
        base.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        raise LesionkitError(f"{folder / FILE} is no queue ({error}); name another folder") from error
    if found not in (0, _FORMAT):
        raise LesionkitError(f"{folder} holds a queue of version {found}, not {_FORMAT}; name another folder")
    return base
