"""What a radiograph model says of real radiographs: painted against unpainted ones, and a table of image labels.

    lesionkit find PAINTED --recipe xray-pneumothorax --model MODEL --out FOUND
    python benchmarks/xray_real.py FOUND PAINTED/train-rle.csv [--patients PAINTED/patients.csv] [--kinds painted.csv]
    python benchmarks/xray_real.py FOUND NIH/Data_Entry_rows.csv

Tells the AUC of images, and how many of those without a pneumothorax were marked by the rule and held to be positive
(`decided`), with 95 % intervals by bootstrap over patients; none where fewer than five patients have a pneumothorax.
With `--kinds` also the share that was decided of each kind that was painted. A table of image labels (columns Image
Index, Finding Labels, Patient ID) is listed image by image.
"""

import argparse
import csv
from pathlib import Path

import numpy as np

from lesionkit.evaluate.roc import auc


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def truths(table: Path, patients: Path | None) -> dict[str, tuple[bool, str]]:
    """(positive, patient) by image."""
    rows = read(table)
    if "Finding Labels" in rows[0]:
        return {
            Path(r["Image Index"]).stem: ("Pneumothorax" in r["Finding Labels"].split("|"), r["Patient ID"])
            for r in rows
        }
    of = {r["image_id"]: r["patient_id"] for r in read(patients)} if patients else {}
    return {r["ImageId"]: (r["EncodedPixels"] != "-1", of.get(r["ImageId"], r["ImageId"])) for r in rows}


def interval(positive: np.ndarray, values: np.ndarray, patient: np.ndarray, figure, draws: int = 2000) -> str:
    names = np.unique(patient)
    if len(set(patient[positive])) < 5:
        return "no interval"
    places = {name: np.flatnonzero(patient == name) for name in names}
    rng = np.random.default_rng(0)
    found = []
    for _ in range(draws):
        drawn = np.concatenate([places[name] for name in rng.choice(names, len(names))])
        if 0 < positive[drawn].sum() < len(drawn):
            found.append(figure(positive[drawn], values[drawn]))
    low, high = np.quantile(found, [0.025, 0.975])
    return f"{low:.3f} to {high:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("found", type=Path)
    parser.add_argument("truth", type=Path)
    parser.add_argument("--patients", type=Path)
    parser.add_argument("--kinds", type=Path)
    options = parser.parse_args()
    known = truths(options.truth, options.patients)
    rows = [row for row in read(options.found / "predictions.csv") if row["case_id"] in known]
    positive, patient = (np.array([known[r["case_id"]][n] for r in rows]) for n in (0, 1))
    score = np.array([float(r["probability"]) for r in rows])
    marked = np.array([float(r["area"]) > 0 for r in rows])
    decided = np.array([r["decided"] == "1" for r in rows])
    print(f"{len(rows)} radiographs of {len(set(patient))} patients, {positive.sum()} with a pneumothorax")
    print(f"AUC of images {auc(positive, score):.3f} ({interval(positive, score, patient, auc)})")
    for name, values in (("marked by the rule", marked), ("decided", decided)):
        for what, chosen in (("without", ~positive), ("with", positive)):
            share = interval(
                positive, values & chosen, patient, lambda p, v, w=what: v.sum() / max((p == (w == "with")).sum(), 1)
            )
            print(
                f"{name}, {what} a pneumothorax: {values[chosen].mean():.3f} ({share}), {values[chosen].sum()} images"
            )
    if options.kinds:
        kind = {r["case_id"]: r["kind"] for r in read(options.kinds)}
        for name in sorted(set(kind.values()) - {""}):
            chosen = np.array([kind[r["case_id"]] == name for r in rows])
            print(
                f"  {name}: {decided[chosen].mean():.3f} of {chosen.sum()} decided, {marked[chosen].mean():.3f} marked"
            )
    if "Finding Labels" in read(options.truth)[0]:
        for row, is_positive, is_marked in sorted(
            zip(rows, positive, marked, strict=True), key=lambda r: r[0]["case_id"]
        ):
            print(f"  {row['case_id']} {'+' if is_positive else '-'} {row['probability']} marked {bool(is_marked)}")


if __name__ == "__main__":
    main()
