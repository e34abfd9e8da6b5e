"""Make the picture of the README: what `find` sees in a synthetic chest.

python benchmarks/readme_picture.py PHANTOMS/scans/ct-phantom-90001.mha docs/ct-nodule.png
"""

import argparse
from pathlib import Path

from lesionkit.recipes.ct.search import search_scan
from lesionkit.recipes.ct.settings import model_path, model_settings
from lesionkit.report.found import FoundCase
from lesionkit.report.paint import overview_picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("scan", type=Path)
    parser.add_argument("picture", type=Path)
    options = parser.parse_args()
    found = search_scan(options.scan, model_settings(None), model_path(None))
    if found.native is None or found.prepared is None:
        raise SystemExit("the scan was not kept")
    lung = found.prepared.regions["lung"]
    case = FoundCase(found.case_id, found.native.image, found.candidates[:6], lung)
    overview_picture(case, options.picture)


if __name__ == "__main__":
    main()
