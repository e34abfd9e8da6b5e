"""A receiver, a queue, a process that searches and a thread that sends, as one service."""

import ssl
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from lesionkit.archive.courier import Courier, CourierSettings
from lesionkit.archive.queue import Queue
from lesionkit.archive.receive import Receiver, ReceiveSettings
from lesionkit.archive.send import Sending
from lesionkit.archive.upkeep import IMAGES, STUDIES, begin_again, clear_away, remove_finished
from lesionkit.archive.work import Searcher, say_to, work
from lesionkit.core.errors import LesionkitError

_TICK_S = 0.2
_MOST_TRIES = 5
_SOON_S, _TIDY_S = 10.0, 60.0
_LOCK = ".lock"


@dataclass(frozen=True)
class ListenSettings:
    """How a service works, apart from what it searches.

    Attributes:
        quiet_s: a study is complete when nothing of it has come for so long, and nobody who sent of it is connected.
        keep_h: images are removed so long after their results were sent.
        grace_s: how long a search may go on when the service is asked to stop; one that takes longer is done anew.
        again: begin with what failed.
    """

    receive: ReceiveSettings = field(default_factory=ReceiveSettings)
    courier: CourierSettings = field(default_factory=CourierSettings)
    sending: Sending = field(default_factory=Sending)
    quiet_s: float = 2
    keep_h: float = 24
    grace_s: float = 20
    again: bool = False


def listen(
    folder: Path,
    searcher: Searcher,
    addresses: Sequence[str],
    settings: ListenSettings,
    say: Callable[[str], None],
    stop: threading.Event,
    tls: ssl.SSLContext | None = None,
) -> None:
    """Receive studies, search them and send what was found, until asked to stop.

    Args:
        folder: of the queue; one service works in it at a time. It goes on with what is there.
        addresses: archives that get the results.
        say: is told each sentence of the log.

    Raises:
        LesionkitError: the folder is another service's or cannot be written to, or the port is not free.
    """
    try:
        for name in (IMAGES, STUDIES):
            (folder / name).mkdir(parents=True, exist_ok=True)
        with FileLock(folder / _LOCK, timeout=0), Queue(folder) as queue:
            _serve(folder, queue, searcher, addresses, settings, lambda words: say(say_to(folder, words)), stop, tls)
    except Timeout:
        raise LesionkitError(f"{folder} is the queue of another 'listen'; name another, or end that one") from None


def _serve(
    folder: Path,
    queue: Queue,
    searcher: Searcher,
    addresses: Sequence[str],
    settings: ListenSettings,
    say: Callable[[str], None],
    stop: threading.Event,
    tls: ssl.SSLContext | None,
) -> None:
    claim = uuid.uuid4().hex
    queue.unclaim()
    clear_away(queue, folder)
    if settings.again and (count := begin_again(queue, time.time())):
        say(f"{count} failed studies are begun again")
    receiver = Receiver(folder, queue, settings.receive, say)
    receiver.start(tls)
    worker = _Worker(folder, claim, searcher, addresses)
    ended = threading.Event()
    courier = threading.Thread(
        target=Courier(folder, queue, settings.sending, settings.courier, say).run, args=(ended,), daemon=True
    )
    try:
        worker.start()
        courier.start()
        say(f"'{settings.receive.title}' listens at {settings.receive.host}:{receiver.port}")
        tidied = -_TIDY_S
        while not stop.wait(_TICK_S):
            if time.monotonic() - tidied > _TIDY_S:
                tidied = time.monotonic()
                remove_finished(queue, folder, time.time() - settings.keep_h * 3600)
            for _ in queue.settle(time.time() - settings.quiet_s, receiver.busy()):
                say("a study has arrived")
            if worker.has_died():
                for study in queue.unclaim(_MOST_TRIES, time.time()):
                    say(f"study {study} failed: its search ended {_MOST_TRIES} times without a result")
                say("the process that searches has died, most likely for want of memory; it is begun again")
                worker.start()
    finally:
        receiver.stop()
        worker.stop(settings.grace_s)
        ended.set()
        courier.join(settings.sending.timeout_s)
        say("stopped")


class _Worker:
    """The process that searches."""

    def __init__(self, folder: Path, claim: str, searcher: Searcher, addresses: Sequence[str]) -> None:
        # A fresh interpreter: a fork would inherit the locks of this one's threads.
        self.context = get_context("spawn")
        self.stopping = self.context.Event()
        self.words = folder, claim, searcher, addresses, self.stopping
        self.process: Any = None
        self.started, self.deaths = -_SOON_S, 0

    def start(self) -> None:
        """Begin it, or begin it again.

        Raises:
            LesionkitError: it dies as soon as it is begun, again and again.
        """
        self.deaths = self.deaths + 1 if time.monotonic() - self.started < _SOON_S else 0
        if self.deaths >= _MOST_TRIES:
            raise LesionkitError(
                f"the process that searches died {_MOST_TRIES} times within {_SOON_S:g} s; what it wrote tells why"
            )
        self.started = time.monotonic()
        self.process = self.context.Process(target=work, args=self.words)
        self.process.start()

    def has_died(self) -> bool:
        return not self.process.is_alive()

    def stop(self, grace_s: float) -> None:
        if self.process is not None:
            self.stopping.set()
            self.process.join(grace_s)
            self.process.kill()
            self.process.join()
