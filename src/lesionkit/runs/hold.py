"""A folder that one process works in at a time."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from lesionkit.core.cache_root import cache_root
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import remove_stale

LOCK_FILE = ".lock"


@contextmanager
def held(folder: Path, holder: Callable[[], str]) -> Iterator[None]:
    """Keep a folder to this process; the operating system lets go of it when the process ends, however it ends.

    Args:
        folder: is made if it is not there.
        holder: who has it, asked where another process does: "process 12 is at stage 'train'".

    Raises:
        LesionkitError: another process holds it, or it cannot be written to.
    """
    lock = FileLock(folder / LOCK_FILE, timeout=0)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout:
        raise LesionkitError(f"{folder} is in use: {holder()}; wait for it or end it first") from None
    except OSError as error:
        raise LesionkitError(
            f"cannot write into {folder}: {error.strerror or error}; choose a writable output folder"
        ) from error
    try:
        # Nobody else writes here now: what is half-written is of processes that were killed, also in the store.
        remove_stale(folder)
        remove_stale(cache_root(), below=False)
        yield
    finally:
        lock.release()
