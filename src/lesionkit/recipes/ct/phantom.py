"""Make a data set of chest CTs with known nodules, synthetic or inserted into real scans, in the form of LUNA16.

    lesionkit phantom ct --out DATA --count 5                        # seconds a scan on one core
    lesionkit phantom ct --out DATA --insert-into SCANS --count 10   # 10 nodules into each scan
    lesionkit phantom ct --out DATA --insert-into SCANS --nodules BANK --count 10   # real ones, of `lesionkit bank`

`DATA` gets `scans/`, `annotations.csv`, `annotations_excluded.csv`, `seriesuids.csv`, `patients.csv` and
`phantoms.json`. A scan that is finished is not made again, so an interrupted command goes on where it stopped.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.lesion import Lesion
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.phantoms.ct.chest import CtPhantomSettings, insert_nodules, make_ct
from lesionkit.phantoms.ct.nodule_bank import NoduleBank, TransplantSettings, load_bank
from lesionkit.phantoms.ct.plant_real import insert_real_nodules
from lesionkit.prepare.lung.trace import LungSettings, find_lungs
from lesionkit.read.catalogue import build_catalogue, load_case
from lesionkit.recipes.base import Summary
from lesionkit.runs.fingerprint import fingerprint
from lesionkit.runs.phantom_folder import PhantomFolder
from lesionkit.write.dicom import uid_of, write_series
from lesionkit.write.truth import write_annotations, write_patients, write_series_list
from lesionkit.write.volume import write_volume


class PhantomCt(Settings):
    """What `lesionkit phantom ct` makes."""

    format: Literal["mha", "mhd", "nii.gz", "nrrd", "dicom"] = "mha"
    """Form of the scans."""
    patients: int | None = Field(default=None, ge=1)
    """Patients the scans are spread over; null: as many as there are scans. Real scans keep theirs."""
    phantom: CtPhantomSettings = CtPhantomSettings()
    transplant: TransplantSettings = TransplantSettings()
    """Which real nodules are drawn from a bank."""
    lung: LungSettings = LungSettings()
    """How the lungs of real scans are found before nodules are inserted."""
    engine: EngineSettings = EngineSettings()


def make_phantoms(out: Path, count: int, seed: int, settings: PhantomCt) -> Summary:
    """Make the synthetic scans of seeds `seed` … `seed + count - 1`.

    Raises:
        LesionkitError: `out` holds other phantoms or something else, or cannot be written to.
    """
    folder = _begin(out, seed, settings, None)
    numbers = [n for n in range(seed, seed + count) if not folder.is_done(n)]
    return _make(folder, partial(_make_one, folder, settings), numbers, settings)


def insert_phantoms(
    out: Path, scans: Path, count: int, seed: int, settings: PhantomCt, nodules: Path | None = None
) -> Summary:
    """Insert `count` nodules into each real scan; findings that were known before become excluded ones.

    Args:
        scans: one scan, or a data set folder whose tables tell the known findings.
        nodules: a bank of real nodules to draw from; synthetic ones without it.

    Raises:
        LesionkitError: there is no scan; the bank cannot be used; `out` as for `make_phantoms`.
    """
    into = {"sha256": fingerprint(scans)["sha256"], "count": count}
    bank = None
    if nodules is not None:
        bank = load_bank(nodules)
        bank.weights(settings.transplant)
        into["bank"] = fingerprint(nodules)["sha256"]
    rows = build_catalogue(scans, partial=True).to_dict("records")
    folder = _begin(out, seed, settings, into)
    todo = [(index, row) for index, row in enumerate(rows) if not folder.is_done(index)]
    return _make(folder, partial(_insert_one, folder, settings, count, seed, bank), todo, settings)


def _begin(out: Path, seed: int, settings: PhantomCt, into: Mapping[str, Any] | None) -> PhantomFolder:
    folder = PhantomFolder(out)
    asked = {"seed": seed, "settings": settings.model_dump(mode="json", exclude={"engine"}), "into": into}
    folder.begin("phantom ct", asked)
    return folder


def _make(folder: PhantomFolder, function: Any, items: Sequence[Any], settings: PhantomCt) -> Summary:
    failed = {}
    for outcome in map_cases(function, items, settings.engine, "making phantoms"):
        if outcome.error is not None:
            item = outcome.item
            failed[str(item[1]["case_id"]) if isinstance(item, tuple) else f"seed {item}"] = outcome.error
    done = folder.done()
    _write_tables(folder.path, done)
    facts = {
        "scans": len(done),
        "healthy": sum(not case["truth"] for case in done),
        "nodules": sum(len(case["truth"]) for case in done),
        "excluded findings": sum(len(case["excluded"]) for case in done),
    }
    return Summary(facts, (folder.path,), failed, cases=len(done) + len(failed))


def _make_one(folder: PhantomFolder, settings: PhantomCt, number: int) -> None:
    case = make_ct(number, settings.phantom)
    if settings.patients is not None:
        case = replace(case, patient_id=f"phantom-patient-{number % settings.patients:05d}")
    _write(folder, number, case, settings)


def _insert_one(
    folder: PhantomFolder,
    settings: PhantomCt,
    count: int,
    seed: int,
    bank: NoduleBank | None,
    numbered: tuple[int, Mapping[str, Any]],
) -> None:
    index, row = numbered
    if row["failure"]:
        raise LesionkitError(str(row["failure"]))
    case = load_case(row)
    lungs = find_lungs(case.image, settings.lung)
    if lungs.failure:
        raise LesionkitError(f"no nodule was inserted: {lungs.failure}")
    place, number = settings.phantom.place, seed + index
    if bank is None:
        made = insert_nodules(case, lungs.mask, count, number, settings.phantom.nodules, place)
    else:
        rng = np.random.default_rng([23, number])
        drawn = [bank.draw(rng, settings.transplant) for _ in range(count)]
        made = insert_real_nodules(case, lungs.mask, drawn, number, settings.transplant, place)
    # Other samples under the same name would be mistaken for the scan they came from.
    facts = {name: value for name, value in case.facts.items() if name not in ("series_uid", "path")}
    _write(folder, index, replace(made, case_id=f"{case.case_id}-inserted-{seed:05d}", facts=facts), settings)


def _write(folder: PhantomFolder, number: int, case: Case, settings: PhantomCt) -> None:
    """Write the scan, then the mark that it is finished with what the tables need."""
    if settings.format == "dicom":
        case = replace(case, case_id=str(uid_of(case.case_id)))
        series = folder.path / "scans" / case.case_id
        shutil.rmtree(series, ignore_errors=True)
        with replacing(series) as temporary:
            write_series(case, temporary)
    else:
        write_volume(case.image, folder.path / "scans" / f"{case.case_id}.{settings.format}")
    record = {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "truth": [asdict(lesion) for lesion in case.truth or ()],
        "excluded": [asdict(lesion) for lesion in case.excluded],
    }
    folder.finish(number, record)


def _write_tables(out: Path, done: Sequence[Mapping[str, Any]]) -> None:
    for name, kind in (("annotations.csv", "truth"), ("annotations_excluded.csv", "excluded")):
        lesions = {case["case_id"]: [_lesion(values) for values in case[kind]] for case in done}
        write_annotations(out / name, lesions)
    write_series_list(out / "seriesuids.csv", [case["case_id"] for case in done])
    write_patients(out / "patients.csv", {case["case_id"]: case["patient_id"] for case in done})


def _lesion(values: Mapping[str, Any]) -> Lesion:
    return Lesion(**{**values, "centre_mm": tuple(values["centre_mm"])})
