"""What C libraries write to the terminal is kept from it; what they mean is said in a sentence of ours."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_STDERR = 2
_lock = threading.Lock()
_inside = 0
_terminal = -1


@contextmanager
def silenced() -> Iterator[None]:
    """Drop what is written to the file descriptor of stderr meanwhile, also by ITK, GDCM and OpenJPEG.

    Several threads may be inside at the same time; the terminal comes back when the last one leaves.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _terminal
    with _lock:
        _inside += 1
        if _inside > 1:
            return
        try:
            _terminal = os.dup(_STDERR)
        except OSError:  # a daemon without stderr has nothing to keep quiet
            _terminal = -1
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, _STDERR)
        os.close(nowhere)


def _leave() -> None:
    global _inside, _terminal
    with _lock:
        _inside -= 1
        if _inside == 0 and _terminal >= 0:
            os.dup2(_terminal, _STDERR)
            os.close(_terminal)
            _terminal = -1
