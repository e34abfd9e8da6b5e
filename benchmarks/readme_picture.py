"""Make the picture of the README: what `find` sees in a synthetic chest.

python benchmarks/readme_picture.py PHANTOMS/scans/ct-phantom-90001.mha docs/ct-nodule.png
"""

import argparse
from pathlib import Path

from lesionkit.recipes.base import Item
from lesionkit.recipes.ct.nodule import RECIPE
from lesionkit.recipes.ct.search import open_scan, search_scan
from lesionkit.report.found import FoundCase
from lesionkit.report.paint import overview_picture
from lesionkit.runs.models import chosen_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    settings, item = RECIPE.model_settings(None), Item(options.scan.name, options.scan)
    model = chosen_model(None, RECIPE.name)
    found = search_scan(item, open_scan(item, settings), model, settings, Path(), keep=False)
    if found.native is None or found.prepared is None:
        raise SystemExit("the scan was not kept")
    lung = found.prepared.regions["lung"]
    case = FoundCase(found.item.case_id, found.native.image, found.candidates[:6], lung)
    overview_picture(case, options.picture)


if __name__ == "__main__":
    main()
