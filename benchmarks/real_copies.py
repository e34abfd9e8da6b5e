"""A training set with copies of its real scans that hold real nodules, so that what is mined in it is real too.

    python benchmarks/real_copies.py DATA BANK OUT --copies 8
    lesionkit train ct-nodule-rpn OUT --out RUN --config benchmarks/rpn.yaml --set sample.nodules=BANK

DATA is what `training_set.py` makes, of phantoms and of scans in which no lesion is learned. OUT has all of it, and of
each of those scans so many copies, each with ten nodules of BANK put into it (`lesionkit phantom ct --insert-into`).
Copies learn, as copies of one patient; real findings of the scans stay excluded in them.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from training_set import PLACE, rows_of, write_rows

NODULES = 10
TABLES = ("annotations.csv", "annotations_excluded.csv")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("bank", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--copies", type=int, default=8, help="of each real scan")
    asked = parser.parse_args()
    real, scans = asked.out / "real", asked.out / "scans"
    for folder in (real, scans):
        folder.mkdir(parents=True, exist_ok=True)
    for scan in (asked.data / "scans").iterdir():
        link(scan, scans)
        if "phantom" not in scan.name:
            link(scan, real)
    tables: dict[str, list[dict[str, object]]] = {name: [*rows_of(asked.data / name)] for name in TABLES}
    parts = json.loads((asked.data / "splits.json").read_text())
    patients = {name: name for names in parts.values() for name in names}
    for seed in range(1, asked.copies + 1):
        made = asked.out / "copies" / str(seed)
        words = ("--insert-into", real, "--nodules", asked.bank, "--count", NODULES, "--seed", seed, "--workers", 1)
        subprocess.run(
            [sys.executable, "-m", "lesionkit", "phantom", "ct", "--out", made, *map(str, words)], check=True
        )
        tables[TABLES[0]] += rows_of(made / TABLES[0])
        for scan in sorted((made / "scans").iterdir()):
            link(scan, scans)
            copy, original = scan.stem, scan.stem.partition("-inserted-")[0]
            parts["train"].append(copy)
            patients[copy] = patients[original]
            known = [row for row in rows_of(asked.data / TABLES[1]) if row["seriesuid"] == original]
            tables[TABLES[1]] += [{**row, "seriesuid": copy} for row in known]
    for name, rows in tables.items():
        write_rows(asked.out / name, [{key: row[key] for key in PLACE} for row in rows])
    (asked.out / "seriesuids.csv").write_text("\n".join(patients) + "\n")
    (asked.out / "patients.csv").write_text(
        "seriesuid,patient_id\n" + "".join(f"{name},{patient}\n" for name, patient in patients.items())
    )
    (asked.out / "splits.json").write_text(json.dumps(parts, indent=1) + "\n")


def link(path: Path, folder: Path) -> None:
    """The same file or folder under its name in another folder."""
    if not (folder / path.name).exists():
        (folder / path.name).symlink_to(path.resolve())


if __name__ == "__main__":
    main()
