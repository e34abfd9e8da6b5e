"""Results to archives, again with growing pauses where one cannot take them now."""

import threading
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import Field

from lesionkit.archive.address import RefusedError, UnreachableError, parse_address
from lesionkit.archive.queue import Queue
from lesionkit.archive.send import Sending, dicom_files, send
from lesionkit.archive.upkeep import STUDIES
from lesionkit.archive.visit import Delivery
from lesionkit.archive.work import RESULTS
from lesionkit.core.errors import LesionkitError
from lesionkit.core.settings import Settings

_TICK_S = 0.2


class CourierSettings(Settings):
    """How patient the sending is."""

    first_pause_s: float = Field(5, gt=0)
    """After the first try that failed; each further pause is twice as long."""
    longest_pause_s: float = Field(600, gt=0)
    """No pause is longer; it goes on until the archive takes the results."""


def pause_s(tries: int, settings: CourierSettings) -> float:
    """The pause after so many tries that failed, seconds.

    >>> [pause_s(tries, CourierSettings()) for tries in (1, 2, 3, 20)]
    [5.0, 10.0, 20.0, 600.0]
    """
    return float(min(settings.first_pause_s * 2 ** min(tries - 1, 30), settings.longest_pause_s))


class Courier:
    """Sends what is due, one archive after the other; an archive that is down does not hold up another."""

    def __init__(
        self, folder: Path, queue: Queue, how: Sending, settings: CourierSettings, say: Callable[[str], None]
    ) -> None:
        self.folder, self.queue, self.how, self.settings, self.say = folder, queue, how, settings, say
        # An archive that is down is not asked again for each study that waits for it.
        self._closed_until: dict[str, float] = {}
        self._failures: dict[str, int] = {}

    def run(self, stop: threading.Event) -> None:
        """Send until asked to stop."""
        while not stop.is_set():
            self.send_due(stop)
            stop.wait(_TICK_S)

    def send_due(self, stop: threading.Event | None = None) -> None:
        """Send what is due now."""
        for delivery in self.queue.due(time.time()):
            if stop is not None and stop.is_set():
                return
            if time.monotonic() >= self._closed_until.get(delivery.address, 0):
                self._deliver(delivery)

    def _deliver(self, delivery: Delivery) -> None:
        try:
            files = dicom_files(self.folder / STUDIES / str(delivery.visit) / RESULTS)
            send(files, parse_address(delivery.address), self.how)
        except UnreachableError as error:
            failures = self._failures[delivery.address] = self._failures.get(delivery.address, 0) + 1
            pause = pause_s(failures, self.settings)
            self._closed_until[delivery.address] = time.monotonic() + pause
            self.queue.postpone(delivery, time.time() + pause, str(error))
            self.say(f"study {delivery.visit} waits: {error}; again in {pause:.0f} s")
        except (RefusedError, LesionkitError) as error:
            self.queue.delivered(delivery, time.time(), refused=str(error))
            self.say(f"study {delivery.visit} failed: {error}")
        # A result that breaks a sender must not stop the others.
        except Exception as error:
            self.queue.delivered(delivery, time.time(), refused=f"unexpected {type(error).__name__}: {error}")
            self.say(f"study {delivery.visit} failed: unexpected {type(error).__name__}: {error}")
        else:
            self._failures.pop(delivery.address, None)
            self.queue.delivered(delivery, time.time())
            self.say(f"study {delivery.visit} sent to {delivery.address}")
