"""One function over many cases, on as many cores or machines as wanted; a bad case never stops the others."""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeAlias, TypeVar

from lesionkit.core.errors import LesionkitError
from lesionkit.engine.deal import Rules, deal_out
from lesionkit.engine.processes import Processes
from lesionkit.engine.progress import progress
from lesionkit.engine.settings import EngineSettings as EngineSettings
from lesionkit.engine.settings import workers as workers
from lesionkit.engine.threads import limited

Item = TypeVar("Item")
Value = TypeVar("Value")
Timed: TypeAlias = tuple[Value | None, str | None, float]
"""Value, error sentence, seconds."""


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    """What became of one item.

    Attributes:
        value: what the function returned, None if it failed.
        error: one sentence, None if it did not fail.
        seconds: time the function took, without waiting for a worker.
    """

    item: Item
    value: Value | None
    error: str | None
    seconds: float


def map_cases(
    function: Callable[[Item], Value],
    items: Sequence[Item],
    settings: EngineSettings | None = None,
    label: str = "cases",
    name_of: Callable[[Item], str] = str,
    tell: Callable[[str], None] | None = None,
) -> Iterator[Outcome[Item, Value]]:
    """Yield the outcome of `function` for every item, in the order of the items, as they become ready.

    A progress bar with rate and time left is shown on a terminal. A failing item becomes an outcome with an error and
    the others go on; so does one whose worker died again and again. Leaving the iteration early, also by Ctrl-C, drops
    the items not begun and ends the workers.

    Args:
        function: for backends other than "serial" it is a function at the top of a module (or a `functools.partial` of
            one) and it, its items and its values can be pickled. Items are paths and settings, not pixels, which the
            worker reads itself.
        label: what is being done, shown beside the bar.
        name_of: what an item is called where its worker dies.
        tell: is told a sentence where a worker dies.

    Raises:
        LesionkitError: Ray is asked for and not installed or not there, or no worker can begin.
    """
    settings = settings or EngineSettings()
    with (
        progress(label, total=len(items)) as advance,
        closing(_results(partial(_timed, function), items, settings, name_of, tell or _unheard)) as results,
    ):
        for item, (value, error, seconds) in zip(items, results, strict=True):
            advance()
            yield Outcome(item, value, error, seconds)


def _results(
    timed: Callable[[Item], Timed[Value]],
    items: Sequence[Item],
    settings: EngineSettings,
    name_of: Callable[[Item], str],
    tell: Callable[[str], None],
) -> Generator[Timed[Value]]:
    rules = partial(Rules, retries=settings.retries, name_of=name_of, tell=tell, lost=_lost)
    count = min(workers(settings), len(items))
    if settings.backend == "ray" and items:
        from lesionkit.engine.cluster import RayWorkers

        crew = RayWorkers(timed, _failed, settings)
        yield from deal_out(crew, items, rules(count=crew.count))
    elif settings.backend == "processes" and count > 1:
        yield from deal_out(Processes(timed, _failed, settings.threads or 1), items, rules(count=count))
    else:
        yield from _in_turn(timed, items, settings)


def _in_turn(
    timed: Callable[[Item], Timed[Value]], items: Sequence[Item], settings: EngineSettings
) -> Generator[Timed[Value]]:
    for item in items:
        # Case by case: whoever takes the results has its threads to itself.
        with limited(threads_alone(settings)):
            result = timed(item)
        yield result


def threads_alone(settings: EngineSettings) -> int | None:
    """Threads of a case in this process, None for all cores."""
    return settings.threads or (1 if settings.backend == "serial" else None)


def _unheard(_sentence: str) -> None:
    return None


def _lost(sentence: str) -> Timed[Any]:
    return None, sentence, 0.0


def _failed(error: Exception) -> Timed[Any]:
    return None, _describe(error), 0.0


def _timed(function: Callable[[Item], Value], item: Item) -> Timed[Value]:
    start = time.perf_counter()
    try:
        value, error = function(item), None
    except LesionkitError as failure:
        value, error = None, " ".join(str(failure).split())
    # One bad case must not stop the others, whatever is wrong with it; the sentence names the kind of error and place.
    except Exception as failure:
        value, error = None, _describe(failure)
    return value, error, time.perf_counter() - start


def _describe(failure: Exception) -> str:
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})" if trace else ""
    return f"unexpected {type(failure).__name__}: {' '.join(str(failure).split())}{place}"
