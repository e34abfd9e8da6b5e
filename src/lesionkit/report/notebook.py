"""What nouns look like in a notebook: a case as a picture with its findings, a score as figures and curves, a mask.

`core.display` calls `html_of`. Each answer is one fragment with its styles beside it, small enough to be stored in a
notebook, and readable on a light and on a dark page.
"""

import math
from collections.abc import Mapping, Sequence
from functools import singledispatch
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image as Pillow

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage, Image, upright
from lesionkit.core.lesion import Candidate, Lesion
from lesionkit.evaluate.score import Curve, Figure, Score
from lesionkit.report.case_page import Room
from lesionkit.report.crops import crops
from lesionkit.report.curves import curves_svg
from lesionkit.report.mip import overview
from lesionkit.report.picture import LUNG, Layer, Letters, Mark, MarkKind, Picture
from lesionkit.report.planes import AXIAL, PLANES
from lesionkit.report.render import format_mm, format_score, render
from lesionkit.report.scene import Scene

_SIDE = 384
_LESIONS = 4
_MOST_SAMPLES = 40_000_000
_AIR_HU = -500


@singledispatch
def html_of(value: Any) -> Markup:
    """HTML of a noun; of any other image its picture, of any other value its `repr`, escaped."""
    if isinstance(getattr(value, "grid", None), Grid) and callable(getattr(value, "read", None)):
        return _image(value)
    return Markup("<pre>{}</pre>").format(repr(value))


@html_of.register
def _candidate(value: Candidate) -> Markup:
    rows = {"score": format_score(value.score), "centre": _centre(value.centre_mm), "diameter": _mm(value.diameter_mm)}
    return _rows("Candidate", rows | ({"leaves the scan": "yes"} if value.leaves_scan else {}))


@html_of.register
def _lesion(value: Lesion) -> Markup:
    rows = {"centre": _centre(value.centre_mm), "diameter": _mm(value.diameter_mm or None)}
    told = {name: str(fact) for name, fact in value.facts.items()}
    return _rows(f"Lesion {value.lesion_id}".strip() + f", {value.kind}", rows | told)


@html_of.register
def _figure(value: Figure) -> Markup:
    known = value.lower is not None and value.upper is not None
    interval = f"95 % interval {value.lower:.4f} to {value.upper:.4f}" if known else "no interval"
    return _rows(f"{value.value:.4f}", {"": interval} | ({"of": value.note} if value.note else {}))


@html_of.register
def _curve(value: Curve) -> Markup:
    return render("notebook_score.html", title=value.name, score=None, plots=[curves_svg([value])])


@html_of.register
def _score(value: Score) -> Markup:
    groups: dict[tuple[str, str], list[Curve]] = {}
    for curve in value.curves:
        if (np.isfinite(curve.x) & np.isfinite(curve.y)).sum() > 1:
            groups.setdefault((curve.x_label, curve.y_label), []).append(curve)
    plots = [curves_svg(c, () if i else value.operating_points) for i, c in enumerate(groups.values())]
    return render("notebook_score.html", title=value.protocol, score=value, plots=plots)


@html_of.register(ArrayImage)
def _image(value: Image) -> Markup:
    return render("notebook_image.html", title="", rows=_grid_rows(value), pictures=_pictures(value, ()))


@html_of.register
def _case(value: Case) -> Markup:
    n = None if value.truth is None else len(value.truth)
    known = "nobody looked" if n is None else f"{n} lesion{'' if n == 1 else 's'}" if n else "none"
    rows = {"patient": value.patient_id or "–", **_grid_rows(value.image), "known": known}
    rows |= {"excluded": str(len(value.excluded))} if value.excluded else {}
    rows |= {"regions": ", ".join(value.regions)} if value.regions else {}
    pictures = _chest(value) if value.image.grid.ndim == 3 else _pictures(value.image, value.truth or ())
    return render("notebook_image.html", title=value.case_id, rows=rows, pictures=pictures)


def _chest(case: Case) -> list[Picture]:
    """The chest from the front with what is known, and cuts through the first lesions."""
    if math.prod(case.image.grid.shape) > _MOST_SAMPLES:
        return []
    scene = Scene.of(case.image, case.regions.get("lung"))
    kinds: list[tuple[Sequence[Lesion], MarkKind]] = [(case.truth or (), "lesion"), (case.excluded, "excluded")]
    rings = [(lesion, kind) for lesions, kind in kinds for lesion in lesions]
    whole = overview(scene, (), rings)[: Room.among(2).overviews][0]
    return [whole, *(crops(scene, one, rings, (AXIAL,), (LUNG,))[0] for one in (case.truth or ())[:_LESIONS])]


def _pictures(image: Image, lesions: Sequence[Lesion]) -> list[Picture]:
    """A flat image, or three planes through the middle of a volume; lesions are circles."""
    grid = image.grid
    if grid.ndim == 3:
        return _middles(image) if math.prod(grid.shape) <= _MOST_SAMPLES else []
    step = max(1, -(-max(grid.shape) // (2 * _SIDE)))
    samples = _sampled(image, step)
    scale = min(1.0, _SIDE / max(samples.shape[:2]))
    mm = float(grid.spacing_mm[1]) * step / scale
    marks = tuple(_ring(one, grid, step / scale) for one in lesions)
    return [_picture(samples, scale, mm, "image", marks)]


def _sampled(image: Image, step: int) -> NDArray[Any]:
    """Every step-th sample; a large image is read band by band."""
    rows, columns = image.grid.shape[:2]
    if rows * columns <= _MOST_SAMPLES:
        return np.asarray(image.read(image.grid.whole))[step // 2 :: step, step // 2 :: step]
    bands = [image.read((slice(at, at + 1), slice(0, columns)))[:, step // 2 :: step] for at in range(0, rows, step)]
    return np.concatenate(bands)


def _middles(image: Image) -> list[Picture]:
    """Three planes through the middle, the head up and the patient's right on the left."""
    turned = upright(image)
    pictures = []
    for plane in PLANES:
        samples = turned.array.take(turned.grid.shape[plane.across] // 2, axis=plane.across)
        samples = samples[::-1] if plane.head_up else samples
        right_mm = turned.grid.spacing_mm[plane.right]
        square = _stretched(samples, turned.grid.spacing_mm[plane.down] / right_mm)
        scale = min(1.0, _SIDE / max(square.shape[:2]))
        pictures.append(_picture(square, scale, right_mm / scale, f"{plane.name}, middle", ()))
    return pictures


def _stretched(samples: NDArray[Any], aspect: float) -> NDArray[Any]:
    """Rows repeated so that samples become square."""
    rows = np.arange(max(1, round(len(samples) * aspect)))
    return np.asarray(samples[np.minimum((rows / aspect).astype(int), len(samples) - 1)])


def _picture(samples: NDArray[Any], scale: float, mm: float, title: str, marks: tuple[Mark, ...]) -> Picture:
    height, width = (max(1, round(n * scale)) for n in samples.shape[:2])
    shown = Pillow.fromarray(_grey(samples)).resize((width, height), Pillow.Resampling.LANCZOS)
    layer = Layer("lung", "", np.asarray(shown))
    bar = _bar(mm * width)
    return Picture(
        (layer,), mm, Letters("", "", "", ""), title, f"{title}, {mm * width:.3g} mm wide", marks, bar_mm=bar
    )


def _grey(samples: NDArray[Any]) -> NDArray[np.uint8]:
    if samples.dtype == np.bool_:
        return np.asarray(samples * np.uint8(255), dtype=np.uint8)
    if samples.ndim == 3 or samples.dtype == np.uint8:
        return np.asarray(samples, dtype=np.uint8)
    values = np.asarray(samples, dtype=np.float32)
    low, high = float(values.min()), float(values.max())
    if low < _AIR_HU:  # a CT
        return LUNG.grey(values)
    low, high = (0.0, 1.0) if low >= 0 and high <= 1 else (low, high)
    return np.asarray((values - low) * (255 / max(high - low, 1e-9)), dtype=np.uint8)


def _bar(width_mm: float) -> float:
    """A round length of about a fifth of the width."""
    power = 10.0 ** np.floor(np.log10(max(width_mm / 5, 1e-6)))
    return float(max(n * power for n in (1, 2, 5) if n * power <= max(width_mm / 5, power)))


def _ring(lesion: Lesion, grid: Grid, px: float) -> Mark:
    row, column = ((np.asarray(grid.world_to_index(lesion.centre_mm)) + 0.5) / px).tolist()
    return Mark(column, row, max(lesion.radius_mm / grid.spacing_mm[1] / px, 4.0), "lesion")


def _grid_rows(image: Image) -> dict[str, str]:
    grid = image.grid
    return {
        "samples": " × ".join(map(str, grid.shape)),
        "spacing": " × ".join(f"{mm:.3g}" for mm in grid.spacing_mm) + " mm",
    }


def _centre(centre_mm: Sequence[float]) -> str:
    return f"({', '.join(format_mm(value) for value in centre_mm)}) mm"


def _mm(value: float | None) -> str:
    return "–" if value is None else f"{format_mm(value)} mm"


def _rows(title: str, rows: Mapping[str, str]) -> Markup:
    return render("notebook_image.html", title=title, rows=rows, pictures=())
