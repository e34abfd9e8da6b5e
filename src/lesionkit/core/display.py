"""How nouns show themselves in a notebook, without any noun knowing how to draw.

A notebook asks a value for `_repr_html_`. Nouns inherit it from `Displayed`, which hands the value to a function of the
room `report`. That is named as text, as verbs and recipes are, and imported when the first value is shown; so no noun
loads a library for plots, and no room below `report` depends on it (decisions/0029).
"""

from __future__ import annotations

import importlib

SHOWN_BY = "lesionkit.report.notebook:html_of"
"""module:function that is called with a value and gives HTML."""


class Displayed:
    """A noun that shows itself in a notebook."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        module, name = SHOWN_BY.split(":")
        return str(getattr(importlib.import_module(module), name)(self))
