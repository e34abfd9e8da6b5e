"""Join sets of radiographs in SIIM's form into one folder of links, with a splits.json by patient.

    python benchmarks/xray_join.py --out SET PROJECTED:0.08 PAINTED:0.08 REAL_CTS:0

A number behind a set is the share of its patients that validates; all others learn, nobody tests.
"""

import argparse
import csv
import json
import math
from pathlib import Path

import numpy as np


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", metavar="SET:SHARE")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    out = options.out
    (out / "lungs").mkdir(parents=True)
    tables = {name: [] for name in ("train-rle.csv", "patients.csv")}
    parts = {"train": [], "validation": []}
    for text in options.sets:
        name, _, share = text.partition(":")
        folder = Path(name).absolute()
        (out / folder.name).mkdir()
        for file in (folder / "dicom").rglob("*.dcm"):
            (out / folder.name / file.name).symlink_to(file)
        for file in (folder / "lungs").glob("*.png"):
            (out / "lungs" / file.name).symlink_to(file)
        for table, rows in tables.items():
            header, *more = csv.reader((folder / table).read_text().splitlines())
            rows += more if rows else [header, *more]
        patient_of = dict(list(csv.reader((folder / "patients.csv").read_text().splitlines()))[1:])
        patients = sorted(set(patient_of.values()))
        drawn = np.random.default_rng(options.seed).permutation(len(patients))
        held = {patients[n] for n in drawn[: math.ceil(float(share or 0) * len(patients))]}
        for image, patient in patient_of.items():
            parts["validation" if patient in held else "train"].append(image)
    for table, rows in tables.items():
        with (out / table).open("w", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerows(rows)
    (out / "splits.json").write_text(json.dumps(parts))
    print(", ".join(f"{name}: {len(images)}" for name, images in parts.items()))


if __name__ == "__main__":
    main()
