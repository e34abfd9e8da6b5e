"""The lung network of the third place: trained on lung masks, it says which box of a radiograph is looked at."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.grey import to_grey
from lesionkit.engine.map import EngineSettings, map_cases
from lesionkit.infer.lung_crop import LungCropSettings, lung_box, scaled_box
from lesionkit.infer.predict import predict
from lesionkit.infer.segment import resized
from lesionkit.nets.precision import pick_precision
from lesionkit.nets.segmenter import Segmenter
from lesionkit.nets.weights import load_net, pick_device, save_model
from lesionkit.read.chest_rows import ImageRow
from lesionkit.read.picture import read_picture
from lesionkit.recipes.card import made_with
from lesionkit.recipes.xray.data import ImageSet
from lesionkit.recipes.xray.fit import Shown, fit_member
from lesionkit.recipes.xray.pictures import Corners, Plan, prepare_pictures
from lesionkit.recipes.xray.settings import XrayInferSettings, XrayPneumothorax
from lesionkit.runs.models import MODELS
from lesionkit.runs.run_folder import RunFolder

LUNG_FILE = Path("models") / "lung.safetensors"
_SHIPPED = MODELS / "xray-lung.safetensors"


def lung_net(run: RunFolder, images: ImageSet, settings: XrayPneumothorax) -> Path:
    """The weights of the lung network of a run: those given, else trained on the run's lung masks, else the shipped.

    Raises:
        LesionkitError: there are none of these.
    """
    file = run.path / LUNG_FILE
    run.once("lung network", lambda: _make(run, images, settings, file))
    return file


def _make(run: RunFolder, images: ImageSet, settings: XrayPneumothorax, file: Path) -> Mapping[str, Any]:
    given = settings.lung.model
    rows = [row for row in images.seen if row.lungs]
    if given is None and not rows and _SHIPPED.is_file():
        given = _SHIPPED
    if given is not None:
        net, card = load_net(given, Segmenter)
        save_model(file, net, card)
        return {"lung network": str(given)}
    if not rows:
        raise LesionkitError(
            "cutting to the lungs needs a network that draws them, but the data set has no folder 'lungs' with masks; "
            "give --set lung.model=FILE, or --set lung.crop=false"
        )
    net, card, notes = train_lungs(run.path / "trainings" / "lung", rows, settings)
    for sentence in notes + _without(images.seen):
        run.warn(sentence)
    save_model(file, net, card)
    return {"lung network": "trained", "images": card["training_cases"], **card["figures"]}


def train_lungs(
    folder: Path, rows: Sequence[ImageRow], settings: XrayPneumothorax
) -> tuple[Segmenter, dict[str, Any], list[str]]:
    """Train a network that draws lungs on the lung masks of `rows`; the images of every fifth patient are held out.

    Args:
        folder: where the training keeps its checkpoints; an interrupted one goes on there.

    Returns:
        the network; its card, with "figures" ("validation/dice" of what was held out); sentences on what was left out.

    Raises:
        LesionkitError: no mask can be used.
    """
    member = settings.lung_member
    pictures, failed = prepare_pictures([Plan(row) for row in rows], member.side, settings.engine, "lung")
    empty = [n for n in range(len(rows)) if n not in failed and not pictures.mask(n).any()]
    numbers = [n for n in range(len(rows)) if n not in failed and n not in set(empty)]
    if not numbers:
        raise LesionkitError(f"none of {len(rows)} lung masks shows a lung; check the folder 'lungs'")
    patients = sorted({rows[n].patient_id for n in numbers})
    apart = set(patients[::5]) if len(patients) >= 10 else set()
    held = [n for n in numbers if rows[n].patient_id in apart]
    learns = [n for n in numbers if rows[n].patient_id not in apart]
    shown = Shown.of(member, pictures, learns, [True] * len(learns))
    fitted = fit_member(folder, member, shown, [(pictures, number) for number in held])
    card = {
        "draws": "lungs",
        "side": member.side,
        "training_cases": len(learns),
        "held_out_cases": len(held),
        "versions": made_with(),
        "figures": {name: round(value, 5) for name, value in fitted.figures.items()},
        "notice": "Research use only; not a medical device.",
    }
    return fitted.net, card, _left_out(rows, failed, empty)


def _left_out(rows: Sequence[ImageRow], failed: Mapping[int, str], empty: Sequence[int]) -> list[str]:
    notes = []
    if failed:
        first = next(iter(failed))
        notes.append(
            f"{len(failed)} of {len(rows)} lung masks cannot be used and teach the lung network nothing; the first, of "
            f"{rows[first].case_id}: {failed[first]}"
        )
    if empty:
        notes.append(
            f"{len(empty)} of {len(rows)} lung masks show no lung and teach the lung network nothing, the first that "
            f"of {rows[empty[0]].case_id}"
        )
    return notes


def _without(rows: Sequence[ImageRow]) -> list[str]:
    bare = [row.case_id for row in rows if not row.lungs]
    if not bare:
        return []
    return [f"{len(bare)} of {len(rows)} radiographs have no lung mask to learn from, the first {bare[0]}"]


def lung_boxes(
    rows: Sequence[ImageRow], weights: Path, settings: XrayPneumothorax
) -> tuple[list[Corners | None], dict[str, str]]:
    """Box per image, None for the whole, and why some images could not be read, by case id."""
    net, _ = load_net(weights, Segmenter)
    net.to(pick_device(settings.infer.device))
    work = partial(_box_of, net=net, box=settings.lung.box, infer=settings.infer)
    # One network for all, in this process: its threads use all cores.
    outcomes = list(map_cases(work, list(rows), EngineSettings(workers=1), "finding lungs"))
    return [o.value for o in outcomes], {o.item.case_id: o.error for o in outcomes if o.error}


def _box_of(row: ImageRow, net: Segmenter, box: LungCropSettings, infer: XrayInferSettings) -> Corners | None:
    case = read_picture(Path(row.path))
    grey = to_grey(case.image.read(case.image.grid.whole))
    small = resized(grey, (box.side, box.side))
    precision = pick_precision(infer.precision, next(net.parameters()).device)
    lungs = predict(net, small, infer.flip, precision).probability
    found = lung_box(lungs, box)
    if found is None:
        return None
    rows, columns = scaled_box(found, lungs.shape, grey.shape)
    return rows.start, rows.stop, columns.start, columns.stop
