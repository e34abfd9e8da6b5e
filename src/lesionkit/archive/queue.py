"""What has arrived, what is searched and what is to be sent, on disk: a kill at any moment loses nothing.

A study that arrives makes a *visit*. Images that come later, when the visit is already searched, make a new one of the
same study, which holds the series that grew. A visit goes

    arriving -> waiting -> searching -> sending -> done
                               `-----------`-----> failed

Each step is one transaction of SQLite, which is on disk before it returns.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from lesionkit.archive.visit import Arrival, Delivery, FullError, Visit, open_base


class Queue:
    """The queue of a folder; may be used by several threads, and by several processes with an object each.

    Args:
        folder: exists; the file is made if it is not there.

    Raises:
        LesionkitError: the file is no queue, or one of another version.
    """

    def __init__(self, folder: Path) -> None:
        self._lock, self._base = threading.Lock(), open_base(folder)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._base.close()

    def add(self, image: Arrival, file: str, now: float, most: int) -> bool:
        """Take an image in.

        An image that is known already, by its UIDs and patient, is not taken twice, unless its search failed.

        Args:
            file: its name below the folder.
            now: seconds since 1970.
            most: images that a study may have.

        Returns:
            Whether it is new; if not, its file is not needed.

        Raises:
            FullError: the study has so many already.
        """
        with self.step() as base:
            known = base.execute(
                "SELECT i.series_uid, i.patient, v.state FROM images i JOIN visits v ON v.id = i.visit "
                "WHERE i.study_uid = ? AND i.sop_uid = ?",
                (image.study_uid, image.sop_uid),
            ).fetchone()
            same = known is not None and (known["series_uid"], known["patient"]) == (image.series_uid, image.patient)
            if same and known["state"] != "failed":
                return False
            (held,) = base.execute("SELECT COUNT(*) FROM images WHERE study_uid = ?", (image.study_uid,)).fetchone()
            if held >= most and known is None:
                raise FullError(f"a study may have {most} images")
            visit = self._visit(base, image.study_uid, now)
            base.execute("DELETE FROM images WHERE study_uid = ? AND sop_uid = ?", (image.study_uid, image.sop_uid))
            base.execute(
                "INSERT INTO images (study_uid, series_uid, sop_uid, patient, visit, file) VALUES (?, ?, ?, ?, ?, ?)",
                (image.study_uid, image.series_uid, image.sop_uid, image.patient, visit, file),
            )
        return True

    def _visit(self, base: sqlite3.Connection, study_uid: str, now: float) -> int:
        """The visit that takes images of a study; one that waits to be searched arrives again."""
        row = base.execute(
            "SELECT id FROM visits WHERE study_uid = ? AND state IN ('arriving', 'waiting')", (study_uid,)
        ).fetchone()
        if row is not None:
            base.execute("UPDATE visits SET state = 'arriving', changed = ? WHERE id = ?", (now, row["id"]))
            return int(row["id"])
        made = base.execute(
            "INSERT INTO visits (study_uid, state, arrived, changed) VALUES (?, 'arriving', ?, ?)",
            (study_uid, now, now),
        )
        return int(made.lastrowid or 0)

    def settle(self, before: float, busy: Sequence[str] = ()) -> list[str]:
        """Let those visits wait to be searched whose last image came before a time; returns their studies.

        Args:
            busy: studies that somebody is still sending.
        """
        with self.step() as base:
            rows = base.execute("SELECT id, study_uid FROM visits WHERE state = 'arriving' AND changed <= ?", (before,))
            ready = [(row["id"], row["study_uid"]) for row in rows.fetchall() if row["study_uid"] not in busy]
            base.executemany("UPDATE visits SET state = 'waiting' WHERE id = ?", [(number,) for number, _ in ready])
        return [study_uid for _, study_uid in ready]

    def claim(self, claim: str) -> Visit | None:
        """The visit that has waited longest, to be searched by whoever claims it; None where none waits."""
        with self.step() as base:
            row = base.execute("SELECT * FROM visits WHERE state = 'waiting' ORDER BY id LIMIT 1").fetchone()
            if row is None:
                return None
            base.execute(
                "UPDATE visits SET state = 'searching', claim = ?, tries = tries + 1 WHERE id = ?", (claim, row["id"])
            )
        return Visit(row["id"], row["study_uid"], row["tries"] + 1)

    def images(self, visit: Visit) -> list[tuple[str, str]]:
        """Files, below the folder, and patients of a visit: its series, with what of them came before."""
        with self.step() as base:
            rows = base.execute(
                "SELECT file, patient FROM images WHERE study_uid = ? AND visit <= ? AND file IS NOT NULL AND "
                "series_uid IN (SELECT series_uid FROM images WHERE visit = ?) ORDER BY id",
                (visit.study_uid, visit.number, visit.number),
            ).fetchall()
        return [(row["file"], row["patient"]) for row in rows]

    def found(self, visit: Visit, claim: str, addresses: Sequence[str], now: float) -> bool:
        """Results of a visit lie ready to be sent; False where somebody else has claimed it meanwhile."""
        with self.step() as base:
            if not self._is_claimed(base, visit, claim):
                return False
            state = "sending" if addresses else "done"
            base.execute("UPDATE visits SET state = ?, changed = ? WHERE id = ?", (state, now, visit.number))
            base.executemany(
                "INSERT OR REPLACE INTO deliveries (visit, address, state, due) VALUES (?, ?, 'waiting', ?)",
                [(visit.number, address, now) for address in addresses],
            )
        return True

    def fail(self, visit: Visit, claim: str, reason: str, now: float) -> None:
        """A visit cannot be searched."""
        with self.step() as base:
            if self._is_claimed(base, visit, claim):
                base.execute(
                    "UPDATE visits SET state = 'failed', reason = ?, changed = ? WHERE id = ?",
                    (reason, now, visit.number),
                )

    def _is_claimed(self, base: sqlite3.Connection, visit: Visit, claim: str) -> bool:
        row = base.execute("SELECT state, claim FROM visits WHERE id = ?", (visit.number,)).fetchone()
        return row is not None and (row["state"], row["claim"]) == ("searching", claim)

    def unclaim(self, most: int | None = None, now: float = 0) -> list[str]:
        """What was being searched waits again, for nobody searches it any more; returns studies that are given up.

        Args:
            most: give up those that have been begun so often; None: none, and all begin to count anew.
        """
        with self.step() as base:
            given_up = []
            for row in base.execute("SELECT id, study_uid, tries FROM visits WHERE state = 'searching'").fetchall():
                if most is not None and row["tries"] >= most:
                    given_up.append(str(row["study_uid"]))
                    reason = f"its search ended {most} times without a result, most likely for want of memory"
                    base.execute(
                        "UPDATE visits SET state = 'failed', reason = ?, changed = ? WHERE id = ?",
                        (reason, now, row["id"]),
                    )
                else:
                    tries = 0 if most is None else row["tries"]
                    base.execute(
                        "UPDATE visits SET state = 'waiting', claim = '', tries = ? WHERE id = ?", (tries, row["id"])
                    )
        return given_up

    def due(self, now: float) -> list[Delivery]:
        """What is to be sent now, in the order of the visits."""
        with self.step() as base:
            rows = base.execute(
                "SELECT d.visit, v.study_uid, d.address, d.tries FROM deliveries d JOIN visits v ON v.id = d.visit "
                "WHERE d.state = 'waiting' AND d.due <= ? ORDER BY d.visit, d.address",
                (now,),
            ).fetchall()
        return [Delivery(*row) for row in rows]

    def delivered(self, delivery: Delivery, now: float, refused: str = "") -> None:
        """An archive has the results of a visit, or refuses them; the visit ends when none waits any more."""
        key = (delivery.visit, delivery.address)
        with self.step() as base:
            base.execute(
                "UPDATE deliveries SET state = ?, reason = ?, tries = tries + 1 WHERE visit = ? AND address = ?",
                ("refused" if refused else "done", refused, *key),
            )
            rows = base.execute("SELECT state, reason FROM deliveries WHERE visit = ?", key[:1]).fetchall()
            if all(row["state"] != "waiting" for row in rows):
                reason = "; ".join(row["reason"] for row in rows if row["state"] == "refused")
                base.execute(
                    "UPDATE visits SET state = ?, reason = ?, changed = ? WHERE id = ?",
                    ("failed" if reason else "done", reason, now, delivery.visit),
                )

    def postpone(self, delivery: Delivery, due: float, reason: str) -> None:
        """An archive cannot take the results of a visit now."""
        with self.step() as base:
            base.execute(
                "UPDATE deliveries SET due = ?, reason = ?, tries = tries + 1 WHERE visit = ? AND address = ?",
                (due, reason, delivery.visit, delivery.address),
            )

    @contextmanager
    def step(self) -> Iterator[sqlite3.Connection]:
        """One transaction, which nobody else can come between."""
        with self._lock:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                yield self._base
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")
