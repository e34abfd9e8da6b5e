"""Which step for which image: the composition root. The one list of recipes is here."""

import difflib
import importlib
from typing import TYPE_CHECKING, Any

from lesionkit.core.errors import LesionkitError

if TYPE_CHECKING:
    from lesionkit.recipes.base import Recipe

RECIPES = {
    "ct-nodule": "lesionkit.recipes.ct_nodule:RECIPE",
}
"""Name -> "module:attribute". Spelled as text, so that listing recipes imports none of them."""


def load_recipe(name: str) -> "Recipe[Any]":
    """The recipe of a name.

    Raises:
        LesionkitError: there is no such recipe; says which there are.
    """
    if name not in RECIPES:
        close = difflib.get_close_matches(name, RECIPES, n=1)
        cure = f"did you mean '{close[0]}'?" if close else f"there is {', '.join(RECIPES)}"
        raise LesionkitError(f"unknown recipe '{name}'; {cure}")
    module, attribute = RECIPES[name].split(":")
    recipe: Recipe[Any] = getattr(importlib.import_module(module), attribute)
    return recipe
