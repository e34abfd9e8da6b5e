"""What a data set of another framework says of its images, before any of them is read."""

from dataclasses import dataclass, field
from pathlib import Path

from lesionkit.core.lesion import Lesion


@dataclass(frozen=True)
class SetEntry:
    """One image of a data set.

    Attributes:
        case_id: as the data set calls it.
        labels: a label map on the grid of the image, or None.
        values: numbers of the label map that are lesions; empty where all are.
        instances: each number is one lesion; else each connected piece is.
        lesions: places that are listed instead of drawn; None where there are none of the kind.
        fold: a part that the data set deals it to, or None.
    """

    case_id: str
    path: Path
    labels: Path | None = None
    values: frozenset[int] = frozenset()
    instances: bool = False
    lesions: tuple[Lesion, ...] | None = None
    fold: str | None = None

    @property
    def looked_at(self) -> bool:
        return self.labels is not None or self.lesions is not None


@dataclass(frozen=True)
class ImageSet:
    """A data set of another framework.

    Attributes:
        kind: "nnU-Net", "nnDetection", "MONAI".
        source: the file that describes it.
        notes: sentences on what was passed over.
    """

    kind: str
    source: Path
    entries: tuple[SetEntry, ...]
    notes: tuple[str, ...] = field(default=())
