"""Prepared radiographs by number, and one of them: what the sources of a training have in common."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Pictures(Protocol):
    """Prepared radiographs at the size they are stored in; what a recipe hands over."""

    def __len__(self) -> int: ...

    def image(self, number: int) -> NDArray[np.uint8]:
        """Grey values (y, x)."""
        ...

    def mask(self, number: int) -> NDArray[np.bool_]:
        """The lesion (y, x); false everywhere if there is none."""
        ...


@dataclass(frozen=True, eq=False)
class Entry:
    """One radiograph of a source, which may be labelled by people or by networks."""

    pictures: Pictures
    number: int

    @property
    def positive(self) -> bool:
        """Whether it holds a lesion; reads the mask."""
        return bool(self.pictures.mask(self.number).any())
