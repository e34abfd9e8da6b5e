"""What workers of a cluster do, where they can import it."""

import os
import time
from pathlib import Path

import numpy as np


def kept(path: Path) -> tuple[str, str]:
    """Write a result beside a case, half a second after it was begun; gives its text and how many threads it had."""
    time.sleep(0.5)
    if path.name == "bad":
        raise ValueError("bad from the start")
    path.with_suffix(".result").write_text(path.read_text().upper())
    return path.read_text().upper(), os.environ["OMP_NUM_THREADS"]


def kept_unless_fatal(path: Path) -> tuple[str, str]:
    """The same, but a case can be the end of its process."""
    if path.name == "fatal":
        os._exit(1)
    return kept(path)


def summed(seed: int) -> bytes:
    """Products and sums whose last bits depend on how many threads add them up."""
    values = np.random.default_rng(seed).standard_normal((300, 300)).astype(np.float32)
    return (values @ values.T).sum(axis=0).tobytes()
