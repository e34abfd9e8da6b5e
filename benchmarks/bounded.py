"""Memory and open files of one process over many searches: do they stay flat?

    python benchmarks/bounded.py DATA --cases 500

DATA is a folder of radiographs (`lesionkit phantom xray`); they are searched again and again under new names, as one
worker would.
"""

import argparse
import gc
import tempfile
from dataclasses import replace
from itertools import cycle
from pathlib import Path

import psutil

from lesionkit.recipes import load_recipe
from lesionkit.recipes.xray.kind import XRAY
from lesionkit.runs.models import chosen_model
from lesionkit.runs.settings_file import resolve

LOOKS = 10


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    words.add_argument("data", type=Path)
    words.add_argument("--cases", type=int, default=500)
    given = words.parse_args()
    recipe = load_recipe("xray-pneumothorax")
    settings = resolve(recipe.model_settings(None), (), ["infer.precision=fp32"])
    model, me = chosen_model(None, recipe.name), psutil.Process()
    items = cycle(XRAY.items(given.data, None, settings).items)
    with tempfile.TemporaryDirectory() as place:
        for number in range(1, given.cases + 1):
            item = next(items)
            named = replace(item, case_id=f"{item.case_id}-{number}")
            XRAY.search.one((named, model), settings, Path(place))
            if number == 1 or number % (given.cases // LOOKS) == 0:
                gc.collect()
                print(f"{number} cases: {me.memory_info().rss / 1e6:.0f} MB, {me.num_fds()} files open", flush=True)


if __name__ == "__main__":
    main()
