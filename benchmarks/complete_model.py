"""Complete the card of a model that exists: operating points, calibration and figures with intervals, and what data,
licences and limits somebody has written down.

    lesionkit find VALIDATION --recipe RECIPE --model MODEL --out FOUND
    python benchmarks/complete_model.py MODEL FOUND [FOUND …] [--about ABOUT.yaml]

VALIDATION holds images with their truth that the model has not learned from; each FOUND is the folder of such a search.
ABOUT.yaml has entries of `data`, `licence`, `limits`, `leakage`, `split`, `seed`, `command`, `seconds`
and `validated_on` (`recipes/card.py`). The file of the model is written anew; its weights stay as they are.
"""

import argparse
from pathlib import Path

from lesionkit.recipes import load_recipe
from lesionkit.recipes.card import MEASURED, POINTS, read_about
from lesionkit.recipes.ensemble import model_card
from lesionkit.runs.models import model_of_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="weights, or the folder of a run")
    parser.add_argument("found", type=Path, nargs="*", help="folders that `lesionkit find` wrote with this model")
    parser.add_argument("--about", type=Path, help="YAML with what somebody knows of the model")
    options = parser.parse_args()
    model = model_of_run(options.model) if options.model.is_dir() else options.model
    entries = read_about(options.about) if options.about else {}
    measured = load_recipe(str(model_card(model)["recipe"])).complete(model, options.found, entries)
    for point in (measured.get(POINTS) or {}).get("points", ()):
        print(f"{point['name']}: threshold {point['threshold']:.4g}")
        for name, figure in point["figures"].items():
            print(f"    {name} {figure['value']:.3f} ({figure['lower']} to {figure['upper']}), {figure['note']}")
    for name, value in (measured.get(MEASURED) or {}).get("reliability", {}).items():
        print(f"{name}: {value:.4f}")
    print(f"{model} now tells {', '.join([*measured, *entries])}")


if __name__ == "__main__":
    main()
