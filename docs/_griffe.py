"""Docstrings of the house, as the reference understands them: "lower, upper: …" are two names with one sentence."""

import re
from typing import Any

from griffe import Extension, Object

_TOGETHER = ",\u00a0"
_SEVERAL = re.compile(r"^\s+\w+(?:, \w+)+:(?= )", re.MULTILINE)


class SeveralNames(Extension):
    """Holds such names together by spaces that do not break, so that none is taken for a type."""

    def on_object(self, *, obj: Object, **_: Any) -> None:
        """See above."""
        if obj.docstring is not None:
            value = obj.docstring.value
            obj.docstring.value = _SEVERAL.sub(lambda found: found[0].replace(", ", _TOGETHER), value)
