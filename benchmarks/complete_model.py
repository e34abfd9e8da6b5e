"""Complete the card of a model that exists: operating points, calibration and figures with intervals, and what data,
licences and limits somebody has written down; and what it takes to tell images unlike those it learned from.

    lesionkit find VALIDATION --recipe RECIPE --model MODEL --out FOUND
    python benchmarks/complete_model.py MODEL FOUND [FOUND …] [--about ABOUT.yaml]
    python benchmarks/complete_model.py MODEL --learned-from DATA [--learned-from DATA …] [--patches PATCHES]

VALIDATION holds images with their truth that the model has not learned from; each FOUND is the folder of such a search.
ABOUT.yaml has entries of `data`, `licence`, `limits`, `leakage`, `split`, `seed`, `command`, `seconds`
and `validated_on` (`recipes/card.py`). DATA holds scans, radiographs or slides that the model learned from, as
`lesionkit find` takes them, and PATCHES is a folder of labelled patches that it did. The file of the model is written
anew; its weights stay as they are.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.read.patch_set import read_patch_set
from lesionkit.recipes import load_recipe
from lesionkit.recipes.card import MEASURED, POINTS, read_about
from lesionkit.recipes.ensemble import model_card, nets_of
from lesionkit.recipes.flow import told_apart
from lesionkit.recipes.foreign import learn_foreign, spaced
from lesionkit.runs.models import model_of_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="weights, or the folder of a run")
    parser.add_argument("found", type=Path, nargs="*", help="folders that `lesionkit find` wrote with this model")
    parser.add_argument("--about", type=Path, help="YAML with what somebody knows of the model")
    parser.add_argument("--learned-from", type=Path, action="append", default=[], help="images that it learned from")
    parser.add_argument("--patches", type=Path, action="append", default=[], help="labelled patches it learned from")
    parser.add_argument("--most", type=int, default=400, help="so many images of each, evenly spaced")
    options = parser.parse_args()
    model = model_of_run(options.model) if options.model.is_dir() else options.model
    if options.learned_from or options.patches:
        print(remember(model, options.learned_from, options.patches, options.most))
    if not options.found and not options.about:
        return
    entries = read_about(options.about) if options.about else {}
    measured = load_recipe(str(model_card(model)["recipe"])).complete(model, options.found, entries)
    for point in (measured.get(POINTS) or {}).get("points", ()):
        print(f"{point['name']}: threshold {point['threshold']:.4g}")
        for name, figure in point["figures"].items():
            print(f"    {name} {figure['value']:.3f} ({figure['lower']} to {figure['upper']}), {figure['note']}")
    for name, value in (measured.get(MEASURED) or {}).get("reliability", {}).items():
        print(f"{name}: {value:.4f}")
    print(f"{model} now tells {', '.join([*measured, *entries])}")


def remember(model: Path, folders: Sequence[Path], patches: Sequence[Path], most: int) -> dict[str, Any]:
    """Have the first network of a model remember what it saw of images it learned from."""
    recipe = load_recipe(str(model_card(model)["recipe"]))
    settings, kind = recipe.model_settings(model), recipe.find.keywords["kind"]  # type: ignore[attr-defined]
    items = [item for folder in folders for item in spaced(kind.items(folder, None, settings).items, most)]
    seen = [*_of_images(told_apart(items, kind.search.noun), model, settings, kind.search)]
    for folder in patches:
        seen += _of_patches(folder, model, settings)
    return learn_foreign(nets_of(model)[0].path, seen)


def _of_images(items: Sequence[Any], model: Path, settings: Any, search: Any) -> Iterator[NDArray[np.float32]]:
    for item in items:
        try:
            yield search.features(item, search.open(item, settings), model, settings)
        except LesionkitError as error:
            # An image that cannot be searched was not learned from.
            print(f"left out: {item.case_id}: {error}")


def _of_patches(folder: Path, model: Path, settings: Any) -> list[NDArray[np.float32]]:
    from lesionkit.recipes.slide.map import patch_groups
    from lesionkit.recipes.slide.search import load_search_net

    held, side = read_patch_set(folder), settings.patches.patch
    images = [held.image(number) for number in spaced(range(len(held)), 1800)]
    corners = [[(n - side) // 2 for n in image.shape[:2]] for image in images]
    middles = [image[y : y + side, x : x + side] for image, (y, x) in zip(images, corners, strict=True)]
    return patch_groups(load_search_net(nets_of(model)[0].path), np.stack(middles), settings)


if __name__ == "__main__":
    main()
