"""What files of a case are called."""

from lesionkit.core.handed import Handed
from lesionkit.core.names import printable

_LONGEST = 150


def name_of(handed: Handed) -> str:
    """The case as the beginning of a file name."""
    return safe_name(handed.case_id)


def safe_name(case_id: str) -> str:
    """A case id as a file name that every system takes.

    >>> safe_name("../a b:c")
    '_a b_c'
    """
    safe = "".join(letter if letter.isalnum() or letter in "-_. " else "_" for letter in printable(case_id))
    return safe[:_LONGEST].strip(". ") or "case"
