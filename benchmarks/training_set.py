"""Build the data set the shipped model learns from: phantoms, and real chest CTs as background for inserted nodules.

    lesionkit phantom ct --out PHANTOMS --count 44 --seed 0 --healthy 0
    python benchmarks/training_set.py --phantoms PHANTOMS --out DATA [--leave-out LIDC-IDRI-0001]
    lesionkit train ct-nodule DATA --out RUN

The real scans are those of the shared data folder. Nothing real in them is learned as a lesion, and every real finding
– LUNA16's nodules and excluded findings, the lesions of lidc_cases.json, the unlabelled mass of Lung_Dx-A0002 – is
excluded from every loss with 15 mm around it. With --leave-out the named patient takes no part at all.
"""

import argparse
import csv
import json
import os
from pathlib import Path

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[1] / "../shared/data"))
AROUND_MM = 15.0
SCANS = {
    "LIDC-IDRI-0001": "LIDC-IDRI-0001/dicom",
    "LIDC-IDRI-0002": "LIDC-IDRI-0002_ct.nii.gz",
    "TCGA-DE-A4MA": "TCGA-DE-A4MA_thorax.nii.gz",
    "Lung_Dx-A0002": "Lung_Dx-A0002_ct.nii.gz",
}
# Centre and diameter of the mass, by eye on the axial slices: x, y, z in LPS mm.
MASS = (-63.0, -102.0, 193.0, 70.0)
PLACE = ["seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, PLACE, extrasaction="ignore")
        table.writeheader()
        table.writerows(rows)


def real_findings(patient: str, case_id: str) -> list[dict[str, object]]:
    """Every known finding of a real scan as an excluded ball that is 15 mm larger on each side."""
    balls: list[tuple[float, float, float, float]] = [MASS] if patient == "Lung_Dx-A0002" else []
    known = json.loads((DATA / "ct/lidc_cases.json").read_text()).get(patient)
    if known:
        balls += [(*n["center_world_mm"], n["eq_diameter_mm"]) for n in known["nodules_ge3mm"]]
        for name in ("annotations.csv", "annotations_excluded.csv"):
            for row in rows_of(DATA / "luna16" / name):
                if row["seriesuid"] == known["series_uid"]:
                    x, y, z, diameter = (float(row[key]) for key in PLACE[1:])
                    balls.append((x, y, z, diameter if diameter > 0 else 10.0))
    return [dict(zip(PLACE, (case_id, x, y, z, d + 2 * AROUND_MM), strict=True)) for x, y, z, d in balls]


def case_id_of(patient: str) -> str:
    """The id the reader will give: the series UID of DICOM, else the file name without its suffix."""
    name = SCANS[patient]
    if name.endswith("dicom"):
        return str(json.loads((DATA / "ct/lidc_cases.json").read_text())[patient]["series_uid"])
    return name.removesuffix(".nii.gz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--phantoms", type=Path, required=True, help="folder that 'lesionkit phantom ct' wrote")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--leave-out", action="append", default=[], choices=list(SCANS), help="patient to keep out")
    parser.add_argument("--validation", type=int, default=6, help="phantoms kept for validation")
    options = parser.parse_args()
    scans = options.out / "scans"
    scans.mkdir(parents=True)
    # A hidden file is what an interrupted command left.
    phantoms = sorted(p for p in (options.phantoms / "scans").iterdir() if not p.name.startswith("."))
    ids = [path.name.split(".")[0] for path in phantoms]
    lesions: list[dict[str, object]] = [*rows_of(options.phantoms / "annotations.csv")]
    excluded: list[dict[str, object]] = [*rows_of(options.phantoms / "annotations_excluded.csv")]
    for path in phantoms:
        (scans / path.name).symlink_to(path.resolve())
    real = []
    for patient, name in SCANS.items():
        if patient not in options.leave_out:
            source = (DATA / "ct" / name).resolve()
            (scans / (patient if source.is_dir() else source.name)).symlink_to(source)
            real.append(case_id_of(patient))
            excluded += real_findings(patient, real[-1])
    write_rows(options.out / "annotations.csv", lesions)
    write_rows(options.out / "annotations_excluded.csv", excluded)
    (options.out / "seriesuids.csv").write_text("\n".join(["seriesuid", *ids, *real]) + "\n")
    kept = ids[len(ids) - options.validation :]
    parts = {"train": [*ids[: len(ids) - options.validation], *real], "validation": kept}
    (options.out / "splits.json").write_text(json.dumps(parts, indent=1) + "\n")
    print(f"{len(ids)} phantoms ({len(kept)} for validation), {len(real)} real backgrounds: {options.out}")


if __name__ == "__main__":
    main()
