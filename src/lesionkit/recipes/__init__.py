"""Which step for which image: the composition root. The one list of recipes is here."""

import ast
import difflib
import importlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lesionkit.core.errors import LesionkitError

if TYPE_CHECKING:
    from lesionkit.recipes.base import Recipe

RECIPES = {
    "ct-nodule": "lesionkit.recipes.ct.nodule:RECIPE",
    "ct-nodule-rpn": "lesionkit.recipes.ct.rpn:RECIPE",
    "ct-nodule-slices": "lesionkit.recipes.ct.slices:RECIPE",
    "ct-nodule-slices-2017": "lesionkit.recipes.ct.slices_2017:RECIPE",
    "ct-nodule-two-stage": "lesionkit.recipes.ct.two_stage:RECIPE",
    "ct-nodule-two-stage-2017": "lesionkit.recipes.ct.two_stage_2017:RECIPE",
    "slide-metastasis": "lesionkit.recipes.slide.metastasis:RECIPE",
    "slide-metastasis-2018": "lesionkit.recipes.slide.metastasis_2018:RECIPE",
    "xray-pneumothorax": "lesionkit.recipes.xray.pneumothorax:RECIPE",
    "xray-pneumothorax-1st": "lesionkit.recipes.xray.first:RECIPE",
    "xray-pneumothorax-2nd": "lesionkit.recipes.xray.second:RECIPE",
    "xray-pneumothorax-3rd": "lesionkit.recipes.xray.third:RECIPE",
    "xray-pneumothorax-4th": "lesionkit.recipes.xray.fourth:RECIPE",
    "xray-pneumothorax-5th": "lesionkit.recipes.xray.fifth:RECIPE",
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


def describe_recipe(name: str) -> str:
    """The first line of a recipe's docstring, read without importing what the recipe needs."""
    spec = importlib.util.find_spec(RECIPES[name].split(":")[0])
    if spec is None or spec.origin is None:
        return ""
    text = ast.get_docstring(ast.parse(Path(spec.origin).read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0]
