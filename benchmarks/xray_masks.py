"""Search a data set of radiographs and write score, area and Dice of each, without masks and pages.

    python benchmarks/xray_masks.py DATA TABLE [--model MODEL]

Beside `find` it saves the time of writing pictures; what it says of a radiograph is the same, before calibration.
"""

import argparse
import csv
from pathlib import Path

from lesionkit.core.files import replacing
from lesionkit.evaluate.overlap import mask_dice
from lesionkit.read.chest_set import chest_mask, read_chest_set
from lesionkit.read.picture import read_picture
from lesionkit.recipes.xray.ensemble import Searcher, load_ensemble
from lesionkit.recipes.xray.settings import XrayInferSettings
from lesionkit.runs.models import chosen_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--model", type=Path, default=Path("xray-pneumothorax-painted"))
    options = parser.parse_args()
    searcher = Searcher(load_ensemble(chosen_model(options.model, "xray-pneumothorax")), XrayInferSettings())
    with replacing(options.table) as temporary, temporary.open("w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["image_id", "patient_id", "positive", "score", "area", "dice"])
        for row in read_chest_set(options.data):
            image = read_picture(row.path).image
            samples = image.read(image.grid.whole)
            truth, found = chest_mask(row, samples.shape), searcher(samples)
            dice = mask_dice(found.mask, truth)
            area = float(found.mask.mean())
            writer.writerow([row.case_id, row.patient_id, int(truth.any()), found.score, area, dice])


if __name__ == "__main__":
    main()
