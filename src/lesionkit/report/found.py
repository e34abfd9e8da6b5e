"""What the report is told of one scan."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lesionkit.core.image import Image
from lesionkit.core.lesion import Candidate, Lesion


@dataclass(frozen=True, eq=False)
class FoundCase:
    """One scan with what was found in it.

    Attributes:
        case_id: unique in the report.
        image: CT in HU (z, y, x), native or prepared, in any orientation; read as a whole while its pictures are made.
        candidates: ranked, the strongest first.
        lung: mask of what was searched, on any grid of the same world; None where lungs were not looked for.
        lung_proper: mask of the lungs up to the pleura; None where only `lung` is known.
        truth: the lesions; None where nobody looked.
        excluded: findings that count neither way.
        facts: what else to say. Known keys, all optional: "warnings" (list of sentences), "seconds" (stage -> seconds,
            "total" if they do not add up), "lung" ("volume_l", "left_right_ratio", "cover_ratio", "preset", "failure"),
            "searched" (a sentence), "settings", "versions" and "model" (nested mappings). Others are listed as they
            are.
    """

    case_id: str
    image: Image
    candidates: tuple[Candidate, ...] = ()
    lung: Image | None = None
    truth: tuple[Lesion, ...] | None = None
    excluded: tuple[Lesion, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)
    lung_proper: Image | None = None
