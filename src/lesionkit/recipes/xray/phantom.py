"""Make a data set of chest radiographs with known pneumothoraces, projected from CTs, in the form of SIIM-ACR.

    lesionkit phantom xray --out DATA --count 64 --size 256              # a second a picture and some per CT, one core
    lesionkit phantom xray --out DATA --count 64 --from-ct CTS           # from real chest CTs

`DATA` gets `dicom/<study>/<series>/<ImageId>.dcm`, `train-rle.csv`, `lungs/<ImageId>.png`, `patients.csv` and
`phantoms.json`. A CT gives several radiographs with turned views, which are all of one patient; a CT whose radiographs
are finished is not made again, so an interrupted command goes on where it stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import Field

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.mask import encode_rle_siim
from lesionkit.core.settings import Settings
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.phantoms.ct.chest import CtPhantomSettings, make_ct
from lesionkit.phantoms.xray.radiograph import XrayPhantomSettings, make_xray
from lesionkit.phantoms.xray.trunk import Trunk, trunk_of
from lesionkit.prepare.lung.trace import LungSettings, find_lungs
from lesionkit.read.scan import find_scans, open_scan
from lesionkit.recipes.base import Summary
from lesionkit.runs.fingerprint import fingerprint
from lesionkit.runs.phantom_folder import PhantomFolder
from lesionkit.write.dicom import uid_of
from lesionkit.write.radiograph import study_folders, write_radiograph
from lesionkit.write.siim import write_image_patients, write_mask, write_siim_table

TABLE = "train-rle.csv"
_FIELD_MM = 330.0


class PhantomXray(Settings):
    """What `lesionkit phantom xray` makes."""

    per_ct: int = Field(default=8, ge=1)
    """Radiographs from one CT, which are one patient's."""
    phantom: XrayPhantomSettings = XrayPhantomSettings()
    ct: CtPhantomSettings = CtPhantomSettings(
        slice_thickness_mm=(1.25, 2.0, 2.5), in_plane_mm=(0.7, 0.9), noise_hu=(10.0, 15.0), nodule_count=(1, 3)
    )
    """The synthetic CTs that are projected."""
    lung: LungSettings = LungSettings()
    """How the lungs of real CTs are found."""
    engine: EngineSettings = EngineSettings()


def make_radiographs(out: Path, count: int, seed: int, settings: PhantomXray, from_ct: Path | None = None) -> Summary:
    """Make `count` radiographs; more of the same are added when `count` is larger the next time.

    Args:
        from_ct: one real CT or a folder of many, each used in turn; None for synthetic ones.

    Raises:
        LesionkitError: `out` holds other phantoms or something else, or cannot be written to; there is no CT.
    """
    scans = find_scans(from_ct) if from_ct is not None else []
    source = {"sha256": fingerprint(from_ct)["sha256"]} if from_ct is not None else None
    plain = settings.model_dump(mode="json", exclude={"engine"})
    folder = PhantomFolder(out)
    folder.begin("phantom xray", {"seed": seed, "settings": plain, "from_ct": source})
    groups = _groups(folder, count, settings.per_ct)
    function = partial(_make_group, folder, settings, seed, tuple(scans))
    failed: dict[str, str] = {}
    for outcome in map_cases(function, groups, settings.engine, "making radiographs"):
        if outcome.error is not None:
            failed[f"CT {outcome.item[0]}"] = outcome.error
    done = folder.done()
    write_siim_table(out / TABLE, {image["case_id"]: [image["encoded"]] for image in done})
    write_image_patients(out / "patients.csv", {image["case_id"]: image["patient_id"] for image in done})
    facts = {
        "radiographs": len(done),
        "patients": len({image["patient_id"] for image in done}),
        "with pneumothorax": sum(image["encoded"] != "-1" for image in done),
    }
    return Summary(facts, (out,), failed, cases=-(-count // settings.per_ct))


def _groups(folder: PhantomFolder, count: int, per_ct: int) -> list[tuple[int, tuple[int, ...]]]:
    """Numbers of the CTs and, for each, of its radiographs that are not yet made."""
    groups = []
    for ct in range(-(-count // per_ct)):
        numbers = range(ct * per_ct, min(count, (ct + 1) * per_ct))
        missing = tuple(n for n in numbers if not folder.is_done(n))
        if missing:
            groups.append((ct, missing))
    return groups


def _make_group(
    folder: PhantomFolder, settings: PhantomXray, seed: int, scans: Sequence[Path], group: tuple[int, tuple[int, ...]]
) -> None:
    ct, numbers = group
    trunk = _trunk(settings, seed, scans, ct)
    for number in numbers:
        # One stream of seeds per data set: the pictures of seeds 0 and 1 have nothing in common.
        case = make_xray(trunk, seed * 1_000_003 + number, settings.phantom)
        _write(folder, number, replace(case, case_id=str(uid_of("xray", str(seed), str(number), trunk.case_id))))


def _trunk(settings: PhantomXray, seed: int, scans: Sequence[Path], number: int) -> Trunk:
    pixel_mm = _FIELD_MM / settings.phantom.size
    if not scans:
        case = make_ct(seed * 1_000_003 + number, settings.ct)
        lung = case.regions["lung"].read(case.image.grid.whole)
        return trunk_of(case, lung, pixel_mm)
    case = open_scan(scans[number % len(scans)])
    lungs = find_lungs(case.image, settings.lung)
    if lungs.failure:
        raise LesionkitError(f"{case.case_id}: no radiograph was made: {lungs.failure}")
    return trunk_of(case, lungs.mask, pixel_mm)


def _write(folder: PhantomFolder, number: int, case: Case) -> None:
    """Write the picture and its lung mask, then the mark that it is finished with what the tables need."""
    study, series = study_folders(case)
    grid, out = case.image.grid, folder.path
    write_radiograph(case, out / "dicom" / study / series / f"{case.case_id}.dcm")
    write_mask(out / "lungs" / f"{case.case_id}.png", case.regions["lung"].read(grid.whole))
    mark: Mapping[str, Any] = {
        "case_id": case.case_id,
        "patient_id": case.patient_id,
        "encoded": encode_rle_siim(case.regions["lesion"].read(grid.whole)),
        "facts": case.facts,
    }
    folder.finish(number, mark)
