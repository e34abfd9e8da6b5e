"""A progress bar with rate and time left, on a terminal only."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


_showing = False
"""Whether a bar is shown: a piece of work within another shows none of its own."""


@contextmanager
def progress(label: str, total: int, after_s: float = 0.0) -> Iterator[Callable[[], None]]:
    """Yield a function to be called once per finished piece; nothing is shown where errors do not go to a terminal.

    Args:
        label: what is being done: "preparing".
        total: how many pieces there are.
        after_s: the bar comes when the work has taken so long; what is done sooner shows none.
    """
    global _showing
    if not sys.stderr.isatty() or total == 0 or _showing:
        yield lambda: None
        return
    begun, finished = time.monotonic(), 0
    bar: Progress | None = None

    def advance() -> None:
        nonlocal bar, finished
        finished += 1
        if bar is None and time.monotonic() - begun >= after_s:
            bar = _started(label, total, begun)
        if bar is not None:
            bar.update(bar.task_ids[0], completed=finished)

    _showing = True
    try:
        if after_s == 0:
            bar = _started(label, total, begun)
        yield advance
    finally:
        _showing = False
        if bar is not None:
            bar.stop()


def _started(label: str, total: int, begun: float) -> "Progress":
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        def render(self, task: Task) -> Text:
            speed = task.finished_speed or task.speed
            if not speed:
                return Text("")
            return Text(f"{speed:.1f}/s" if speed >= 1 else f"{1 / speed:.1f} s each")

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    bar.add_task(label, total=total)
    # Time counts from when the work began, on the clock that the bar has.
    bar.tasks[0].start_time = begun
    bar.start()
    return bar
