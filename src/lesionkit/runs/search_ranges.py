"""What a sweep may try: `learn.rate=loguniform(1e-4,1e-2)`, `sample.lesion_share=0.3,0.5`."""

import re
from dataclasses import dataclass
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings
from lesionkit.runs.settings_file import parse_assignment, resolve

_RANGE = re.compile(r"(?P<law>\w+)\((?P<low>[^,()]+),(?P<high>[^,()]+)\)")
LAWS = ("uniform", "loguniform", "int", "logint")


@dataclass(frozen=True)
class SearchRange:
    """The values one setting may take in a sweep.

    Attributes:
        name: dotted: "learn.rate".
        law: "uniform", "loguniform", "int" or "logint" between `low` and `high`; "choice" among `choices`.
        choices: the texts as they were typed.
    """

    name: str
    law: str
    low: float = 0.0
    high: float = 0.0
    choices: tuple[str, ...] = ()

    def draw(self, trial: Any) -> float | int | str:
        """A value, chosen by an Optuna trial."""
        if self.law == "choice":
            chosen: str = trial.suggest_categorical(self.name, list(self.choices))
            return chosen
        log = self.law.startswith("log")
        if self.law.endswith("int"):
            number: int = trial.suggest_int(self.name, int(self.low), int(self.high), log=log)
            return number
        value: float = trial.suggest_float(self.name, self.low, self.high, log=log)
        return value


def parse_search(base: Settings, text: str) -> SearchRange:
    """The search a text describes, checked against the settings it would change.

    Raises:
        LesionkitError: an unknown setting, a range that is none, or a value its setting does not take.
    """
    name, _, values = text.partition("=")
    name = name.strip()
    parse_assignment(base, text)
    found = _RANGE.fullmatch(values.strip())
    if found is None:
        choices = tuple(part.strip() for part in values.split(",") if part.strip())
        if len(set(choices)) < 2:
            raise LesionkitError(
                f"--search needs at least two values or a range such as loguniform(1e-4,1e-2), got '{text}'"
            )
        search = SearchRange(name, "choice", choices=tuple(dict.fromkeys(choices)))
        ends: tuple[object, ...] = search.choices
    else:
        search = _parse_range(name, found, text)
        ends = (int(search.low), int(search.high)) if search.law.endswith("int") else (search.low, search.high)
    for end in ends:
        resolve(base, assignments=[f"{name}={end}"])
    return search


def _parse_range(name: str, found: re.Match[str], text: str) -> SearchRange:
    law = found["law"]
    if law not in LAWS:
        raise LesionkitError(f"--search {text}: a range is one of {', '.join(LAWS)}, got '{law}'")
    try:
        low, high = float(found["low"]), float(found["high"])
    except ValueError as error:
        raise LesionkitError(f"--search {text}: the ends of a range must be numbers") from error
    if law.endswith("int") and not (low.is_integer() and high.is_integer()):
        raise LesionkitError(f"--search {text}: the ends of {law} must be whole numbers")
    if not low < high or (law.startswith("log") and low <= 0):
        above = " above 0" if law.startswith("log") else ""
        raise LesionkitError(f"--search {text}: a range needs its lower end{above} first, then a higher one")
    return SearchRange(name, law, low, high)
