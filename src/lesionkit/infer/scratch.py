"""Where the maps of a search are kept: in memory up to a bound, and what comes later in temporary files."""

import ctypes
import mmap
import sys
import tempfile
from typing import IO

import torch
from torch import Tensor

from lesionkit.core.errors import LesionkitError

_OFTEN = 16
"""Parts after which the C library is asked to give back what is free: what is kept lies between it."""


class Scratch:
    """Memory that shelves share.

    Args:
        most: bytes that all parts in memory may take together; 0 keeps every part in files.
    """

    def __init__(self, most: int) -> None:
        self.most, self.held, self.count = most, 0, 0

    def shelf(self) -> "Shelf":
        """A new one; when it is let go, its memory is free again and its file is gone."""
        return Shelf(self)


class Shelf:
    """The parts of one map, by number, in the order in which they are put."""

    def __init__(self, scratch: Scratch) -> None:
        self.scratch = scratch
        self.held = 0
        self.file: IO[bytes] | None = None
        self.parts: list[Tensor | tuple[int, Tensor]] = []

    def put(self, part: Tensor) -> int:
        """Keep a part; its number.

        Raises:
            LesionkitError: it does not fit into memory, and there is no room for it on disk.
        """
        size = part.numel() * part.element_size()
        if self.scratch.held + size <= self.scratch.most:
            self.scratch.held += size
            self.held += size
            self.parts.append(part)
        else:
            # What is told of it without its values.
            like = torch.empty((0, *part.shape), dtype=part.dtype, device=part.device)
            self.parts.append((self._written(part), like))
        self.scratch.count += 1
        if self.scratch.count % _OFTEN == 0:
            _give_back()
        return len(self.parts) - 1

    def get(self, number: int) -> Tensor:
        """A part; of one on disk only what is read of it is loaded. Not to be written to."""
        part = self.parts[number]
        if isinstance(part, Tensor):
            return part
        (start, like), file = part, self.file
        shape = like.shape[1:]
        if file is None:
            raise RuntimeError("a part on disk has a file")
        length = shape.numel() * like.element_size()
        mapped = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_COPY, offset=start)
        return torch.frombuffer(mapped, dtype=like.dtype).view(shape).to(like.device)

    def _written(self, part: Tensor) -> int:
        """Where in the file a part begins."""
        values = part.contiguous().cpu().view(torch.uint8).numpy()
        try:
            if self.file is None:
                # It is open as long as the shelf is there.
                self.file = tempfile.TemporaryFile(prefix="lesionkit-")  # noqa: SIM115
            start = self.file.seek(0, 2)
            # A part is mapped by itself, and maps begin at such places.
            start += -start % mmap.ALLOCATIONGRANULARITY
            self.file.seek(start)
            self.file.write(values.reshape(-1).data)
            self.file.flush()
        except OSError as error:
            raise LesionkitError(
                f"what a network says of a scan must fit into memory or into {tempfile.gettempdir()}, but that cannot "
                f"be written ({error.strerror}); free some GB there, let TMPDIR name another folder, or raise "
                "infer.largest_window, which allows more memory"
            ) from error
        return start

    def __del__(self) -> None:
        self.scratch.held -= self.held
        if self.file is not None:
            self.file.close()


def _give_back() -> None:
    """Free memory goes back to the system, where the C library has a way to say so."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
