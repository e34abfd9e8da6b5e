"""Which images a model calls foreign: phantoms it has not learned from, real images, and what is no such image at all.

    python benchmarks/foreign.py --recipe RECIPE [--model MODEL] NAME=PATH [NAME=PATH …]

Each PATH is a scan, radiograph or slide, or a folder of many, as `lesionkit find` takes them; NAME is its row of the
table. `python benchmarks/foreign.py --made OUT --scan SCAN --radiographs FOLDER` writes images that are foreign:
spoilt copies of a scan, and turned, inverted and other pictures, in a folder each.

Of each image only what the first network sees is computed. An image that cannot be opened or prepared is refused.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from PIL import Image as Picture

from lesionkit.core.errors import LesionkitError
from lesionkit.infer.foreign import FAR
from lesionkit.read.picture import find_pictures, read_picture
from lesionkit.recipes import load_recipe
from lesionkit.recipes.ensemble import nets_of
from lesionkit.recipes.foreign import spaced, tell_foreign
from lesionkit.runs.models import chosen_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="NAME=PATH")
    parser.add_argument("--recipe", default="ct-nodule")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--most", type=int, default=100, help="so many images of each row, evenly spaced")
    parser.add_argument("--made", type=Path, metavar="OUT")
    parser.add_argument("--scan", type=Path)
    parser.add_argument("--radiographs", type=Path)
    options = parser.parse_args()
    if options.made is not None:
        make(options.made, options.scan, options.radiographs)
    recipe = load_recipe(options.recipe)
    settings, kind = recipe.model_settings(options.model), recipe.find.keywords["kind"]  # type: ignore[attr-defined]
    model = chosen_model(options.model, options.recipe)
    print("| images | number | cannot be opened | warned of | … of them refused | least, median, most |")
    print("|---|---|---|---|---|---|")
    for name, path in (row.split("=", 1) for row in options.rows):
        items = spaced(kind.items(Path(path), None, settings).items, options.most)
        told = [unlikeness(item, model, settings, kind.search) for item in items]
        print(table_row(name, told), flush=True)


def unlikeness(item: Any, model: Path, settings: Any, search: Any) -> float | None:
    """How unlike an image is, as a multiple of the limit; None where it cannot be opened or prepared."""
    try:
        rows = search.features(item, search.open(item, settings), model, settings)
    except LesionkitError:
        return None
    found = tell_foreign(nets_of(model)[0].path, rows, "allow", search.noun, item.case_id).facts["unlikeness"]
    return None if found is None else float(found)


def table_row(name: str, told: list[float | None]) -> str:
    """One line of the table."""
    values = np.array([value for value in told if value is not None])
    if not len(values):
        return f"| {name} | {len(told)} | {len(told)} | | | |"
    spread = ", ".join(f"{value:.2f}" for value in (values.min(), np.median(values), values.max()))
    counts = (len(told), len(told) - len(values), int((values > 1).sum()), int((values > FAR).sum()))
    return f"| {name} | {' | '.join(map(str, counts))} | {spread} |"


def make(out: Path, scan: Path | None, radiographs: Path | None) -> None:
    """Write images that are foreign: to `out/scans` from a scan, to `out/NAME` from radiographs."""
    rng = np.random.default_rng(0)
    if scan is not None:
        (out / "scans").mkdir(parents=True, exist_ok=True)
        for name, image in spoilt_scans(sitk.ReadImage(str(scan)), rng).items():
            sitk.WriteImage(image, str(out / "scans" / f"{name}.mha"))
    if radiographs is not None:
        for number, path in enumerate(spaced(find_pictures(radiographs), 20)):
            case = read_picture(path)
            pixels = np.asarray(case.image.read(case.image.grid.whole))
            for name, changed in turned(pixels).items():
                (out / name).mkdir(parents=True, exist_ok=True)
                Picture.fromarray(changed).save(out / name / f"{name}-{number:02d}.png")


def spoilt_scans(image: sitk.Image, rng: np.random.Generator) -> dict[str, sitk.Image]:
    """A water phantom, a head of balls, and a chest that is smoothed, noisy, or has dense lungs."""
    hu = sitk.GetArrayFromImage(image).astype(np.float32)
    lung = np.where(hu < -300, (hu + 1000) * 2.2 - 900, hu)
    spoilt = {
        "smoothed": sitk.GetArrayFromImage(sitk.SmoothingRecursiveGaussian(image, 4.0)),
        "noise": hu + rng.normal(0, 200, hu.shape),
        "dense-lungs": lung,
        "values-halved": hu / 2,
    }
    made = {name: _volume(values, image) for name, values in spoilt.items()}
    y, x = np.ogrid[:180, :180]
    water = np.full((60, 180, 180), -1000.0)
    water[:, (y - 90) ** 2 + (x - 90) ** 2 < 65**2] = 0
    made["water"] = _volume(water + rng.normal(0, 12, water.shape), None)
    z, y, x = np.ogrid[:60, :180, :180]
    head = np.full((60, 180, 180), -1000.0)
    for radius, value in ((1.0, 60), (0.94, 1100), (0.86, 35)):
        head[((z - 30) / 28) ** 2 + ((y - 90) / 65) ** 2 + ((x - 90) / 52) ** 2 < radius**2] = value
    made["head"] = _volume(head + rng.normal(0, 8, head.shape), None)
    return made


def _volume(hu: NDArray[Any], like: sitk.Image | None) -> sitk.Image:
    image = sitk.GetImageFromArray(np.clip(hu, -1024, 3000).astype(np.int16))
    if like is None:
        image.SetSpacing((1.5, 1.5, 2.5))
    else:
        image.CopyInformation(like)
    return image


def turned(pixels: NDArray[Any]) -> dict[str, NDArray[np.uint8]]:
    """A radiograph that is upside down, inverted, on its side, and half of it."""
    grey = np.asarray(pixels, np.float32)
    low, high = float(grey.min()), float(grey.max())
    grey8 = np.rint((grey - low) / max(high - low, 1e-6) * 255).astype(np.uint8)
    half = grey8[:, : grey8.shape[1] // 2]
    named = {"upside-down": grey8[::-1], "inverted": 255 - grey8, "on-its-side": np.rot90(grey8), "half": half}
    return {name: np.ascontiguousarray(values) for name, values in named.items()}


if __name__ == "__main__":
    main()
