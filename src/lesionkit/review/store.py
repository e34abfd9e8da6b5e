"""Where decisions are kept: one SQLite file in the run folder. A row is on disk when it is acknowledged, and stays."""

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.review.decision import Decision, Row, standing

FORMAT = "lesionkit decisions 1"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS decisions (
    number INTEGER PRIMARY KEY AUTOINCREMENT, made_at TEXT NOT NULL, reader TEXT NOT NULL, case_id TEXT NOT NULL,
    action TEXT NOT NULL, finding_id TEXT NOT NULL, centre_mm TEXT NOT NULL, diameter_mm REAL,
    outline_mm TEXT NOT NULL, score REAL, note TEXT NOT NULL, undoes INTEGER REFERENCES decisions (number)
);
CREATE INDEX IF NOT EXISTS by_reader ON decisions (reader, number);
CREATE TRIGGER IF NOT EXISTS decisions_stay BEFORE UPDATE ON decisions
    BEGIN SELECT RAISE(ABORT, 'a decision is never changed'); END;
CREATE TRIGGER IF NOT EXISTS decisions_remain BEFORE DELETE ON decisions
    BEGIN SELECT RAISE(ABORT, 'a decision is never deleted'); END;
"""

_COLUMNS = "case_id, action, finding_id, centre_mm, diameter_mm, outline_mm, score, note, undoes"


class BehindError(LesionkitError):
    """The reader decided something elsewhere that who asks has not seen."""


class DecisionStore:
    """The decisions on the findings of one run, of all readers; safe between threads and between processes.

    Args:
        file: is made with its folder if it is not there.
        run: what tells the run from others; kept with the first opening.

    Raises:
        LesionkitError: the file is of another run, is no such file, or cannot be written.
    """

    def __init__(self, file: Path, run: str) -> None:
        self.file = Path(file)
        self._lock = threading.Lock()
        try:
            self.file.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(self.file, timeout=20, isolation_level=None, check_same_thread=False)
            with self._speaking():
                self._base.execute("PRAGMA journal_mode = WAL")
                # A decision outlives the loss of power too, not only of the process.
                self._base.execute("PRAGMA synchronous = FULL")
                self._base.executescript(_SCHEMA)
                self._base.execute("INSERT OR IGNORE INTO about VALUES ('format', ?), ('run', ?)", (FORMAT, run))
                about = dict(self._base.execute("SELECT name, value FROM about"))
        except (OSError, sqlite3.Error) as error:
            raise LesionkitError(
                f"{self.file} must be a file of decisions that can be written, got: {error}"
            ) from error
        if about.get("format") != FORMAT or about.get("run") != run:
            self.close()
            raise LesionkitError(
                f"{self.file} holds decisions on the findings of another run; put them back into the folder of that "
                "run, or move the file away to begin anew"
            )

    def close(self) -> None:
        """Let go of the file."""
        self._base.close()

    def add(self, reader: str, decision: Decision, seen: int | None = None) -> Row:
        """Keep a decision; it is on disk when this returns.

        Args:
            seen: the last row of this reader that who decides has seen; None not to ask.

        Raises:
            BehindError: the reader has later rows, of another page.
            LesionkitError: it cannot be written.
        """
        if not reader.strip():
            raise LesionkitError("a reader must have a name, got none; give --reader NAME")
        with self._writing():
            self._refuse_behind(reader, seen)
            return self._insert(reader, decision)

    def undo(self, reader: str, seen: int | None = None) -> Row | None:
        """Take back the latest row of a reader that still counts, by another row; None where there is none.

        Raises:
            BehindError, LesionkitError: as `add`.
        """
        with self._writing():
            self._refuse_behind(reader, seen)
            left = standing(self._rows("WHERE reader = ?", (reader,)))
            if not left:
                return None
            last = left[-1]
            taken = Decision(case_id=last.decision.case_id, action="undo", undoes=last.number)
            return self._insert(reader, replace(taken, finding_id=last.decision.finding_id))

    def rows(self, reader: str | None = None) -> list[Row]:
        """Every row in order, of all readers or of one."""
        with self._speaking():
            return list(self._rows("WHERE reader = ?", (reader,)) if reader is not None else self._rows("", ()))

    def readers(self) -> list[str]:
        """Who has decided anything, by name."""
        with self._speaking():
            return [name for (name,) in self._base.execute("SELECT DISTINCT reader FROM decisions ORDER BY reader")]

    def _refuse_behind(self, reader: str, seen: int | None) -> None:
        (last,) = self._base.execute("SELECT max(number) FROM decisions WHERE reader = ?", (reader,)).fetchone()
        if seen is not None and (last or 0) > seen:
            raise BehindError(
                f"{reader} has decided something on another page meanwhile; this page shows it now, so look and press "
                "again"
            )

    def _insert(self, reader: str, decision: Decision) -> Row:
        made_at = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        cursor = self._base.execute(
            f"INSERT INTO decisions (made_at, reader, {_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (made_at, reader, *_as_columns(decision)),
        )
        return Row(int(cursor.lastrowid or 0), made_at, reader, decision)

    def _rows(self, where: str, values: tuple[str, ...]) -> Iterator[Row]:
        asked = f"SELECT number, made_at, reader, {_COLUMNS} FROM decisions {where} ORDER BY number"
        for number, made_at, reader, *columns in self._base.execute(asked, values):
            yield Row(number, made_at, reader, _of_columns(columns))

    @contextmanager
    def _speaking(self) -> Iterator[None]:
        with self._lock:
            yield

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """One transaction, which no other process can come between."""
        with self._lock:
            try:
                self._base.execute("BEGIN IMMEDIATE")
                try:
                    yield
                except BaseException:
                    self._base.execute("ROLLBACK")
                    raise
                self._base.execute("COMMIT")
            except sqlite3.Error as error:
                raise LesionkitError(f"{self.file}: the decision was not kept ({error}); is the disk full?") from error


def _as_columns(decision: Decision) -> tuple[Any, ...]:
    centre, outline = json.dumps(list(decision.centre_mm)), json.dumps([list(place) for place in decision.outline_mm])
    about = (decision.case_id, decision.action, decision.finding_id)
    return (*about, centre, decision.diameter_mm, outline, decision.score, decision.note, decision.undoes)


def _of_columns(columns: list[Any]) -> Decision:
    case_id, action, finding_id, centre, diameter, outline, score, note, undoes = columns
    return Decision(
        case_id=case_id,
        action=action,
        finding_id=finding_id,
        centre_mm=tuple(json.loads(centre)),
        diameter_mm=diameter,
        outline_mm=tuple((x, y) for x, y in json.loads(outline)),
        score=score,
        note=note,
        undoes=undoes,
    )
