"""Real scans, judged only by models that never saw the patient.

    python benchmarks/left_out.py --patient LIDC-IDRI-0001 --model RUN --work FOLDER

Prints where the real lesion stands among the candidates of its scan, and how well nodules inserted into that same
left-out scan are found (they are synthetic, the background is real). RUN must have been trained with
`benchmarks/training_set.py --leave-out PATIENT`, or on phantoms only.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from training_set import DATA, SCANS


def lesionkit(*words: str) -> None:
    subprocess.run([sys.executable, "-m", "lesionkit", *words], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--patient", required=True, choices=list(SCANS))
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--sets", type=int, default=5, help="copies of the scan, each with 12 inserted nodules")
    options = parser.parse_args()
    scan = DATA / "ct" / SCANS[options.patient]
    lesionkit("find", str(scan), "--model", str(options.model), "--out", str(options.work / "real"))
    candidates = next(iter(json.loads((options.work / "real/candidates.json").read_text())["cases"].values()))
    known = json.loads((DATA / "ct/lidc_cases.json").read_text()).get(options.patient, {"nodules_ge3mm": []})
    for lesion in known["nodules_ge3mm"]:
        centre, radius = np.array(lesion["center_world_mm"]), lesion["eq_diameter_mm"] / 2
        hits = [c for c in candidates if np.linalg.norm(np.array(c["world_mm"]) - centre) < radius]
        told = f"rank {hits[0]['rank']}, score {hits[0]['probability']:.3f}" if hits else "not found"
        print(
            f"{options.patient}, real lesion of {lesion['eq_diameter_mm']} mm: {told} of {len(candidates)} candidates"
        )
    if options.sets:
        inserted = options.work / "inserted"
        for number in range(options.sets):
            folder = options.work / f"set-{number}"
            words = ["--insert-into", str(scan), "--count", "12", "--seed", str(300 + number)]
            lesionkit("phantom", "ct", "--out", str(folder), *words)
        merge([options.work / f"set-{number}" for number in range(options.sets)], inserted)
        lesionkit("find", str(inserted), "--model", str(options.model), "--out", str(options.work / "run"))
        score = json.loads((options.work / "run/score/score.json").read_text())
        cpm = score["figures"]["cpm"]
        print(
            f"{options.patient}, {score['counts']['lesions']} nodules inserted into {score['counts']['scans']} copies: "
            f"CPM {cpm['value']:.3f} (95 % interval over copies {cpm['lower']:.3f} to {cpm['upper']:.3f})"
        )


def merge(sets: list[Path], out: Path) -> None:
    """One data set of several, whose scans all have the same name, by numbering them."""
    (out / "scans").mkdir(parents=True, exist_ok=True)
    tables: dict[str, list[str]] = {name: [] for name in ("annotations", "annotations_excluded", "seriesuids")}
    for number, folder in enumerate(sets):
        (scan,) = (folder / "scans").iterdir()
        name, dot, suffix = scan.name.partition(".mha")
        renamed = f"{name}-set{number}"
        (out / "scans" / f"{renamed}{dot}{suffix}").symlink_to(scan.resolve())
        for table, lines in tables.items():
            header, *rows = (folder / f"{table}.csv").read_text().splitlines()
            lines += [] if lines else [header]
            lines += [row.replace(name, renamed, 1) for row in rows]
    for table, lines in tables.items():
        (out / f"{table}.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
