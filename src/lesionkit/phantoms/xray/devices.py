"""What lies on or in the patient and misleads: tubes, leads, pacemakers, folds of skin."""

from collections.abc import Callable

import numpy as np
from numpy.random import Generator
from scipy import ndimage

from lesionkit.phantoms.xray.bones import Frame
from lesionkit.phantoms.xray.curve import Canvas, Points, pipe, rod, spline
from lesionkit.phantoms.xray.trunk import Floats

_METAL, _PLASTIC = 9.0, 1.6


def draw_devices(rng: Generator, image: Floats, canvas: Canvas, frame: Frame, often: float) -> None:
    """Add devices and folds to line integrals (mm of water), in place; the same for healthy and sick patients.

    Args:
        often: multiple of the usual number, 0 for none.
    """
    kinds: tuple[tuple[float, Callable[[Generator, Floats, Canvas, Frame], None]], ...] = (
        (0.8, _skin_fold),
        (0.35, _leads),
        (0.3, _central_line),
        (0.18, _throat_tube),
        (0.2, _drain),
        (0.12, _pacemaker),
        (0.35, _crease),
    )
    for share, draw in kinds:
        for _ in range(int(rng.poisson(share * often))):
            draw(rng, image, canvas, frame)


def _at(frame: Frame, sign: int, along: float, height: float) -> tuple[float, float]:
    """(x, y) at a share of the way from the middle to the outer edge and of the lungs' height."""
    y = frame.top + height * frame.height
    outer = frame.outer(sign, y)
    return frame.middle + along * (outer - frame.middle), y


def _curve(rng: Generator, points: list[tuple[float, float]], shake_mm: float) -> Points:
    return spline(np.array(points) + rng.normal(0, shake_mm, (len(points), 2)))


def _side(rng: Generator) -> int:
    return 1 if rng.random() < 0.5 else -1


def _skin_fold(rng: Generator, image: Floats, canvas: Canvas, frame: Frame) -> None:
    """A sheet of skin: it grows denser over centimetres towards an edge, where it ends at once.

    Outside the edge the lung looks dark, as behind the line of a pleura, but its vessels go on.
    """
    sign = _side(rng)
    heights = np.linspace(rng.uniform(-0.1, 0.3), rng.uniform(0.6, 1.1), 5)
    inwards = rng.uniform(0.6, 0.95) + rng.uniform(-0.12, 0.12) * np.sin(np.linspace(0, rng.uniform(2, 5), 5))
    points = np.array([_at(frame, sign, a, h) for a, h in zip(inwards, heights, strict=True)])
    curve = spline(points)
    rows = (np.arange(canvas.size) + 0.5) * canvas.pixel_mm
    edge = np.interp(rows, curve[:, 1], curve[:, 0])[:, None]
    inside = (edge - rows[None, :]) * sign
    width, height = rng.uniform(12, 45), rng.uniform(5, 20)
    ends = np.clip(np.minimum(rows - curve[0, 1], curve[-1, 1] - rows) / 12, 0, 1)[:, None]
    sheet = height * ends * np.exp(-np.clip(inside, 0, None) / width)
    image += (sheet * np.clip(inside / canvas.pixel_mm + 0.5, 0, 1)).astype(np.float32)


def _crease(rng: Generator, image: Floats, canvas: Canvas, frame: Frame) -> None:
    """A long thin line over the lung: the edge of a sheet, of clothing, of a dressing."""
    sign = _side(rng)
    start, stop = rng.uniform(-0.1, 0.3), rng.uniform(0.5, 1.1)
    along = rng.uniform(0.55, 1.05) + np.cumsum(rng.normal(0, 0.07, 4))
    points = [_at(frame, sign, a, h) for a, h in zip(along, np.linspace(start, stop, 4), strict=True)]
    canvas.add(image, spline(np.array(points)), 3.0, rod(float(rng.uniform(0.4, 0.8)), 2.5, 0.8))


def _leads(rng: Generator, image: Floats, canvas: Canvas, frame: Frame) -> None:
    for _ in range(int(rng.integers(2, 5))):
        sign = _side(rng)
        end = _at(frame, sign, rng.uniform(0.3, 1.1), rng.uniform(0.05, 0.95))
        away = (frame.middle + sign * rng.uniform(-40, 220), frame.bottom + 60.0 if rng.random() < 0.6 else -20.0)
        bend = ((end[0] + away[0]) / 2 + rng.normal(0, 40), (end[1] + away[1]) / 2 + rng.normal(0, 30))
        wire = rod(float(rng.uniform(0.6, 1.0)), 0.5 * _METAL, 0.5)
        canvas.add(image, _curve(rng, [end, bend, away], 4.0), 4.0, wire)
        disc = rng.uniform(3.5, 5.5)
        place = np.array([end, (end[0] + 0.2, end[1])])
        canvas.add(image, place, disc, _electrode(disc))


def _electrode(radius_mm: float) -> Callable[[Floats], Floats]:
    """Profile of a stick-on disc with a denser button in its middle."""

    def profile(distance: Floats) -> Floats:
        seen: Floats = (12.0 + 25.0 * (distance < 0.4 * radius_mm)).astype(np.float32)
        return seen

    return profile


def _central_line(rng: Generator, image: Floats, canvas: Canvas, frame: Frame) -> None:
    sign = -1 if rng.random() < 0.7 else 1
    tip = (frame.middle - rng.uniform(10, 25), frame.top + rng.uniform(0.4, 0.6) * frame.height)
    turn = (frame.middle + sign * rng.uniform(15, 25), frame.top + rng.uniform(0.1, 0.2) * frame.height)
    if rng.random() < 0.5:
        points = [(turn[0] + sign * rng.uniform(5, 25), -20.0), turn, tip]
    else:
        points = [
            (frame.outer(sign, frame.top + 0.5 * frame.height) + sign * 30, frame.top + 60),
            (frame.middle + sign * 70, frame.top + rng.uniform(5, 30)),
            turn,
            tip,
        ]
    canvas.add(image, _curve(rng, points, 3.0), 4.0, rod(float(rng.uniform(0.9, 1.3)), 3.2, 0.5))


def _throat_tube(rng: Generator, image: Floats, canvas: Canvas, frame: Frame) -> None:
    """A breathing tube, often with a stomach tube beside it."""
    low = frame.top + rng.uniform(0.15, 0.35) * frame.height
    curve = _curve(rng, [(frame.middle + 4, -20.0), (frame.middle + 2, 0.5 * low), (frame.middle, low)], 2.0)
    canvas.add(image, curve, 5.5, pipe(5.2, 1.1, _PLASTIC, -0.4))
    if rng.random() < 0.7:
        points = [
            (frame.middle - 6, -20.0),
            (frame.middle + 3, 0.5 * (frame.top + frame.bottom)),
            (frame.middle + rng.uniform(25, 60), frame.bottom + 15),
        ]
        canvas.add(image, _curve(rng, points, 3.0), 4.0, rod(1.6, 3.0, 0.5))


def _drain(rng: Generator, image: Floats, canvas: Canvas, frame: Frame) -> None:
    """A chest drain with a bright stripe; it does not tell whether air is left."""
    sign = _side(rng)
    points = [
        (
            frame.outer(sign, frame.top + 0.6 * frame.height) + sign * 80,
            frame.top + rng.uniform(0.6, 0.9) * frame.height,
        ),
        _at(frame, sign, 1.05, rng.uniform(0.5, 0.7)),
        _at(frame, sign, rng.uniform(0.6, 0.9), rng.uniform(0.15, 0.4)),
        _at(frame, sign, rng.uniform(0.2, 0.7), rng.uniform(0.02, 0.2)),
    ]
    curve = _curve(rng, points, 4.0)
    canvas.add(image, curve, 4.5, pipe(float(rng.uniform(3.0, 4.2)), 0.9, _PLASTIC, 0.0))
    canvas.add(image, curve + np.array([1.5, 1.0]), 3.0, rod(0.5, _METAL, 0.5))


def _pacemaker(rng: Generator, image: Floats, canvas: Canvas, frame: Frame) -> None:
    sign = 1 if rng.random() < 0.8 else -1
    x, y = _at(frame, sign, rng.uniform(0.8, 1.1), rng.uniform(0.1, 0.25))
    rows = ((np.arange(canvas.size) + 0.5) * canvas.pixel_mm)[:, None]
    columns = rows.T
    box = (np.abs(columns - x) / rng.uniform(18, 24)) ** 4 + (np.abs(rows - y) / rng.uniform(18, 26)) ** 4
    can = np.clip((1 - box) * 6, 0, 1) * 55
    rough = ndimage.gaussian_filter(rng.standard_normal(can.shape), 3 / canvas.pixel_mm)
    image += (can * (1 + 0.25 * rough / max(float(rough.std()), 1e-6) * (box < 0.55))).astype(np.float32)
    tip = (frame.middle + rng.uniform(30, 55), frame.top + rng.uniform(0.75, 0.92) * frame.height)
    points = [
        (x, y - 15),
        (frame.middle + sign * 30, frame.top + rng.uniform(0.03, 0.15) * frame.height),
        (frame.middle - 18, frame.top + 0.35 * frame.height),
        (frame.middle - 12, frame.top + 0.75 * frame.height),
        tip,
    ]
    canvas.add(image, _curve(rng, points, 2.0), 4.0, rod(0.9, 0.7 * _METAL, 0.5))
