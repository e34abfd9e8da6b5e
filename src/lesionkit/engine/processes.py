"""Cases in other processes of this machine, one at a time in each, so that a process that dies names its case."""

import contextlib
import pickle
import signal
from collections.abc import Callable, Sequence
from multiprocessing import connection, get_context
from multiprocessing.connection import Connection
from typing import Any, Generic, TypeVar

import psutil

from lesionkit.engine.deal import Event, Worker
from lesionkit.engine.lost import Death
from lesionkit.engine.threads import limit_from_now

Item = TypeVar("Item")
Result = TypeVar("Result")
_LOOK_S = 1.0
_PATIENCE_S = 5.0


class Processes(Generic[Item, Result]):
    """A `Crew` of processes.

    Args:
        function: an item -> its result; it can be pickled and raises nothing.
        failed: an item that cannot be sent, or whose result cannot, and why -> its result.
        threads: of each process.
    """

    backend = "processes"

    def __init__(self, function: Callable[[Item], Result], failed: Callable[[Exception], Result], threads: int) -> None:
        self.job, self.failed, self.threads = pickle.dumps((function, failed)), failed, threads
        self.hands: dict[Worker, _Hand] = {}
        self.unsent: list[Event[Result]] = []

    def hire(self) -> Worker:
        hand = _Hand(self.job, self.threads)
        self.hands[hand.number] = hand
        return hand.number

    def give(self, worker: Worker, item: Item) -> None:
        hand = self.hands[worker]
        try:
            data = pickle.dumps(item)
        # Whatever an item is made of; it fails alone.
        except Exception as error:
            self.unsent.append(Event(worker, (self.failed(error),)))
            return
        hand.peak = 0
        # One that has died meanwhile is seen at the next look.
        with contextlib.suppress(OSError):
            hand.pipe.send_bytes(data)

    def dismiss(self, worker: Worker) -> None:
        self.hands.pop(worker).end()

    def wait(self) -> Sequence[Event[Result]]:
        events, self.unsent = self.unsent, []
        by_end: dict[Any, _Hand] = {}
        for hand in self.hands.values():
            by_end |= {hand.pipe: hand, hand.process.sentinel: hand}
        heard = connection.wait(list(by_end), 0 if events else _LOOK_S)
        for hand in self.hands.values():
            hand.look()
        for hand in dict.fromkeys(by_end[end] for end in heard):
            events.append(self._heard(hand))
        return events

    def close(self) -> None:
        for hand in self.hands.values():
            hand.process.terminate()
        for hand in self.hands.values():
            hand.end()
        self.hands = {}

    def _heard(self, hand: "_Hand") -> Event[Result]:
        try:
            kind, value = hand.pipe.recv()
        except (EOFError, OSError):
            del self.hands[hand.number]
            return Event(hand.number, died=hand.death())
        return Event(hand.number) if kind == "ready" else Event(hand.number, (value,))


class _Hand:
    """One process, our end of its pipe, and the most memory it was seen with since it got its item."""

    _count = 0

    def __init__(self, job: bytes, threads: int) -> None:
        # Fresh interpreters ("spawn"): a fork would inherit the locks of torch's and blosc2's threads.
        context = get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=serve, args=(theirs, threads))
        self.process.start()
        theirs.close()
        _Hand._count += 1
        self.number, self.peak = _Hand._count, 0
        with contextlib.suppress(OSError):
            self.pipe.send_bytes(job)

    def look(self) -> None:
        with contextlib.suppress(psutil.Error):
            self.peak = max(self.peak, psutil.Process(self.process.pid).memory_info().rss)

    def death(self) -> Death:
        self.process.join()
        code = self.process.exitcode or 0
        cause = f"was killed (signal {-code})" if code < 0 else f"ended with exit code {code}"
        self.pipe.close()
        return Death(cause, starved=code == -signal.SIGKILL, peak_bytes=self.peak)

    def end(self) -> None:
        self.process.terminate()
        self.process.join(_PATIENCE_S)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()
        self.process.close()


def serve(pipe: "Connection[Any, Any]", threads: int) -> None:
    """What a process does until its pipe ends, also because whoever leads was killed."""
    # Ctrl-C reaches every process of the terminal; the parent alone decides what happens then.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Before numpy and torch are imported, which happens with the function.
    limit_from_now(threads)
    with contextlib.suppress(EOFError, OSError):
        function, failed = pickle.loads(pipe.recv_bytes())
        pipe.send(("ready", None))
        while True:
            item = pickle.loads(pipe.recv_bytes())
            result = function(item)
            try:
                data = pickle.dumps(("result", result))
            # Whatever a result is made of; its case fails alone.
            except Exception as error:
                data = pickle.dumps(("result", failed(error)))
            pipe.send_bytes(data)
