"""The base of every stage's settings: frozen, checked, unknown keys refused with a suggestion."""

import difflib
from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from lesionkit.core.errors import LesionkitError


class Settings(BaseModel):
    """A frozen group of settings. Each stage defines its own in the file that uses it.

    >>> class Smooth(Settings):
    ...     sigma_mm: float = 1.0
    >>> Smooth(sigma=2.0)
    Traceback (most recent call last):
    lesionkit.core.errors.LesionkitError: unknown setting 'sigma' of Smooth; did you mean 'sigma_mm'?
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, protected_namespaces=())

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        for key in values:
            if key not in cls.model_fields:
                close = difflib.get_close_matches(str(key), cls.model_fields, n=1, cutoff=0.4)
                cure = f"did you mean '{close[0]}'?" if close else f"it has {', '.join(cls.model_fields)}"
                raise LesionkitError(f"unknown setting '{key}' of {cls.__name__}; {cure}")
        return values

    @classmethod
    def parse(cls, values: Mapping[str, Any]) -> Self:
        """Settings from plain values, as they come from a file or the command line.

        Raises:
            LesionkitError: names the first field that does not fit, what came and what must hold.
        """
        try:
            return cls.model_validate(dict(values))
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"]) or cls.__name__
            raise LesionkitError(f"setting '{name}': {first['msg']}, got {first['input']!r}") from error
