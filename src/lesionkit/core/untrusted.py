"""Files that others wrote: whatever a parser trips over in one is told in one sentence that names the file.

A parser of ours says what must hold where it can. What it did not think of – a list where a name stood, a number of 400
digits, brackets nested a thousand deep – ends here, so that no file ends a verb with a trace.
"""

import functools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import yaml

from lesionkit.core.errors import LesionkitError

P = ParamSpec("P")
R = TypeVar("R")

_LONGEST = 160
_MOST_NODES = 1_000_000


@contextmanager
def read_as(path: Path | str, what: str, cure: str = "copy it again") -> Iterator[None]:
    """Whatever goes wrong within, apart from want of memory, becomes one sentence on a file.

    >>> with read_as("a.json", "a table of splits"):
    ...     {"train": 1}["test"]
    Traceback (most recent call last):
    lesionkit.core.errors.LesionkitError: a.json must be a table of splits, but is damaged or of another form
    (KeyError: 'test'); copy it again

    Args:
        what: must be in the file: "an outline".
        cure: what to do.
    """
    try:
        yield
    except (LesionkitError, MemoryError):
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno and error.strerror:
            raise LesionkitError(f"cannot read {path}: {told(error)}; check the path and its permissions") from error
        raise LesionkitError(
            f"{path} must be {what}, but is damaged or of another form ({told(error)}); {cure}"
        ) from error


def reads(what: str, cure: str = "copy it again") -> Callable[[Callable[P, R]], Callable[P, R]]:
    """`read_as` around a function whose first argument is the path of the file."""

    def around(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            path: Any = args[0] if args else next(iter(kwargs.values()))
            with read_as(path, what, cure):
                return function(*args, **kwargs)

        return guarded

    return around


def told(error: BaseException) -> str:
    """What an error says, as a part of one sentence: its kind and the first line, cut where it is long."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"{error.problem}, line {error.problem_mark.line + 1}"
    said = " ".join((str(error).strip().splitlines() or [""])[0].split())
    said = said if len(said) <= _LONGEST else said[:_LONGEST] + "…"
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def read_json(path: Path, what: str, cure: str = "copy it again") -> Any:
    """The value of a JSON file in UTF-8.

    Raises:
        LesionkitError: no such file, or no JSON.
    """
    with read_as(path, what, cure):
        return json.loads(Path(path).read_text(encoding="utf-8-sig"))


def parse_yaml(text: str) -> tuple[Any, yaml.Node | None]:
    """The plain value of a YAML text, and its nodes with their places; nothing in it is executed.

    Raises:
        YAMLError: it is no YAML.
        ValueError: its aliases stand for more than a million values, as those of a bomb do; or it is nested too deeply.
    """
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        if node is not None and _expanded(node, {}) > _MOST_NODES:
            raise ValueError(f"its aliases stand for more than {_MOST_NODES} values")
        return yaml.safe_load(text), node
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


def _expanded(node: yaml.Node, known: dict[int, int]) -> int:
    """How many values a node stands for when each alias is what it names; one that holds itself is endless."""
    if id(node) not in known:
        known[id(node)] = _MOST_NODES + 1
        inner = node.value if isinstance(node, yaml.CollectionNode) else ()
        parts = [part for one in inner for part in (one if isinstance(one, tuple) else (one,))]
        known[id(node)] = 1 + sum(_expanded(part, known) for part in parts)
    return known[id(node)]


def as_mapping(value: Any) -> Mapping[str, Any]:
    """A mapping as it is; ValueError, which `read_as` tells, of anything else."""
    if not isinstance(value, Mapping):
        raise ValueError(f"it holds one {type(value).__name__} instead of names with values")
    return value
