"""The folder that synthetic data are written to: what was asked of it, and which of its cases are finished."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lesionkit
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import write_text
from lesionkit.runs.settings_file import differences

ABOUT = "phantoms.json"
_DONE = ".done"


@dataclass(frozen=True)
class PhantomFolder:
    """A folder with one kind of phantom; a case that is finished is not made again."""

    path: Path

    def begin(self, verb: str, asked: Mapping[str, Any]) -> None:
        """Note what is asked; going on with the same is fine.

        Raises:
            LesionkitError: the folder holds phantoms that were asked for otherwise, or something else.
        """
        about = self.path / ABOUT
        if about.is_file():
            found = differences(json.loads(about.read_text(encoding="utf-8"))["asked"], asked)
            if found:
                raise LesionkitError(f"{self.path} holds other phantoms: {'; '.join(found[:3])}; name another --out")
            return
        if self.path.is_file() or (
            self.path.is_dir() and any(not path.name.startswith(".") for path in self.path.iterdir())
        ):
            raise LesionkitError(f"{self.path} holds something else than phantoms; name a new or an empty folder")
        record = {"made_by": f"lesionkit {lesionkit.__version__} {verb}", "asked": asked}
        write_text(about, json.dumps(record, indent=1) + "\n")

    def is_done(self, number: int) -> bool:
        """Whether a case is finished."""
        return self._mark(number).is_file()

    def finish(self, number: int, record: Mapping[str, Any]) -> None:
        """Note that all files of a case are written, and what the tables need of it."""
        write_text(self._mark(number), json.dumps(record))

    def done(self) -> list[dict[str, Any]]:
        """The records of all finished cases, by number."""
        files = sorted((self.path / _DONE).glob("*.json"))
        return [json.loads(file.read_text(encoding="utf-8")) for file in files]

    def _mark(self, number: int) -> Path:
        return self.path / _DONE / f"{number:05d}.json"
