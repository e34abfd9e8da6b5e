"""Small finished runs of each kind of image, to be reviewed; no network is asked for them."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import Image

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.recipes import load_recipe
from lesionkit.recipes.base import ReviewRequest, TruthRequest
from lesionkit.review.decision import Decision
from lesionkit.runs.records import write_record
from lesionkit.runs.run_folder import open_run, read_run

FACTS = {"seconds": {"total": 1.0}, "warnings": ["odd"], "notes": []}
BALLS = [[[10.0, 20.0, 30.0], 0.9, 8.0, False], [[60.0, 90.0, 20.0], 0.8, 6.0, False], [[30, 30, 10], 1e-4, 4, False]]


def _run(folder: Path, recipe: str, records) -> Path:
    chosen = load_recipe(recipe)
    (folder / "images").mkdir(parents=True, exist_ok=True)
    with open_run(folder / "run", recipe, chosen.model_settings(None), {"input": folder / "images"}) as run:
        for path, found in records(folder / "images"):
            item = {"case_id": path.stem, "path": str(path), "patient_id": "p", "known": None}
            write_record(run.path, path.stem, {"item": item, "facts": FACTS, **found})
        run.once("find", lambda: {"failed": {}, "left out": {}})
    return folder / "run"


def _two_lungs(path: Path) -> Grid:
    hu = np.full((12, 40, 40), -1000, np.int16)
    hu[:, 4:36, 3:37] = 40
    hu[:, 8:32, 6:18] = hu[:, 8:32, 22:34] = -850
    image = sitk.GetImageFromArray(hu)
    image.SetSpacing((5.5, 5.5, 5.0))
    sitk.WriteImage(image, path)
    return Grid.upright(hu.shape, (5.0, 5.5, 5.5))


def ct_run(folder: Path) -> Path:
    """Two scans of one patient with two findings above every line and one below."""

    def records(images):
        for name in ("a", "b"):
            grid = _two_lungs(images / f"{name}.mha")
            yield images / f"{name}.mha", {"patient_id": "p", "grid": asdict(grid), "candidates": BALLS}

    return _run(folder, "ct-nodule", records)


def xray_run(folder: Path) -> Path:
    """Two radiographs of 10 × 10 pixels; a piece of 2 × 2 was found on the first."""

    def records(images):
        for name, code, score in (("a", "25 2 8 2", 0.9), ("b", "-1", 0.1)):
            Image.fromarray(np.arange(100, dtype=np.uint8).reshape(10, 10)).save(images / f"{name}.png")
            found = {"patient_id": name, "shape": [10, 10], "encoded": code, "score": score}
            yield images / f"{name}.png", {**found, "p_nonempty": None, "area": 0.04}

    return _run(folder, "xray-pneumothorax", records)


def slide_run(folder: Path) -> Path:
    """A slide of 512 × 512 pixels of 1 µm with one region of 128 µm."""
    from lesionkit.infer.probability_map import ProbabilityMap
    from lesionkit.recipes.slide.answer import Measured, SlideAnswerSettings
    from lesionkit.recipes.slide.map import keep_map
    from lesionkit.recipes.slide.search import kept_map
    from lesionkit.write.pyramid import PyramidSettings, write_pyramid

    def records(images):
        grid = Grid.upright((512, 512), (0.001, 0.001), (0.0005, 0.0005))
        colours = np.full((512, 512, 3), 220, np.uint8)
        write_pyramid(ArrayImage(grid, colours), images / "s.tif", PyramidSettings(coarsest=256))
        cells = Grid.upright((16, 16), (0.032, 0.032), (0.016, 0.016))
        belief = np.zeros((16, 16), np.float32)
        belief[4:8, 4:8] = 0.9
        found = ProbabilityMap(cells, belief, np.ones((16, 16), bool))
        keep_map(kept_map(folder / "run", "s"), found)
        measured = asdict(Measured.of(found, SlideAnswerSettings()))
        grids = {"grid": asdict(grid), "origin_xy": [0, 0], "map_grid": asdict(cells)}
        yield images / "s.tif", {**grids, "measured": measured, "members": {}, "marks": []}

    return _run(folder, "slide-metastasis", records)


def opened(run: Path, reader: str = "ann", images: Path | None = None):
    """The session of a reader, and sentences on images that are not there."""
    read = read_run(run)
    chosen = load_recipe(read.record["recipe"])
    return chosen.reviewed.open(read, ReviewRequest(reader, images), chosen.settings.parse(read.record["settings"]))


def exported(run: Path, **words):
    """What `lesionkit review export` says."""
    read = read_run(run)
    chosen = load_recipe(read.record["recipe"])
    return chosen.reviewed.export(read, TruthRequest(**words), chosen.settings.parse(read.record["settings"]))


def decided(run: Path, *decisions: tuple, reader: str = "ann") -> None:
    """Keep (action, case, number of the finding or its new name, more) as the page would."""
    session, _ = opened(run, reader)
    findings = {sheet.case_id: sheet.findings for sheet in session.sheets}
    for action, case, *rest in decisions:
        which, more = (rest[0] if rest else ""), (rest[1] if len(rest) > 1 else {})
        known = {"finding_id": which}
        if isinstance(which, int):
            one = findings[case][which]
            known = {"finding_id": one.finding_id, "centre_mm": one.centre_mm, "score": one.score}
        session.store.add(reader, Decision(case_id=case, action=action, **{**known, **more}))
    session.store.close()
