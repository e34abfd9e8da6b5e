"""How networks came to be: curves of their trainings, of one run or of several side by side, and the last pictures."""

import base64
import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image as Pillow

from lesionkit.evaluate.score import Curve
from lesionkit.report.curves import SERIES, curves_svg
from lesionkit.report.render import write_page

Told = Mapping[str, tuple[NDArray[np.float64], NDArray[np.float64]]]
"""Name of a figure, such as "loss" or "watched/dice" -> (steps, its values there)."""
_MOST_PICTURES = 24
_OWN = ("loss", "right")
"""Of what is logged of training batches, what is shown."""
_SPREAD = 40
"""A mean takes in one in so many values to either side."""
_AT = re.compile(r" [\d.]+$")


@dataclass(frozen=True, eq=False)
class Diagram:
    """One plot."""

    title: str
    plot: Markup


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture with what it shows."""

    caption: str
    uri: str


@dataclass(frozen=True, eq=False)
class Learning:
    """What a page shows of the trainings of a run; nothing where there were none."""

    diagrams: tuple[Diagram, ...] = ()
    pictures: tuple[Shot, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.diagrams or self.pictures)


def learning(trainings: Mapping[str, Told], pictures: Sequence[Path] = ()) -> Learning:
    """The curves of one run: a diagram for each kind of figure, with all trainings in it.

    Args:
        trainings: by name; "" of one that is alone. Figures that were told once only are no curves.
        pictures: files, named by what they show.
    """
    families: dict[str, list[Curve]] = {}
    for training, told in trainings.items():
        for name, (steps, values) in told.items():
            if len(steps) > 1 and _is_shown(name):
                title = name.partition("/")[0] + ": " + _family(name) if "/" in name else name
                label = ": ".join(filter(None, (training, name.rpartition("/")[2])))
                families.setdefault(title, []).append(_curve(label, name, steps, values))
    return Learning(_diagrams(families), tuple(map(_shot, pictures[:_MOST_PICTURES])))


def learning_beside(runs: Mapping[str, Mapping[str, Told]]) -> Learning:
    """The curves of several runs: a diagram for each figure of a training, with all runs in it.

    Figures at single thresholds and sums are left out; the page of a run has them.

    Args:
        runs: by the run's name, what its trainings told, by their names.
    """
    families: dict[str, dict[str, Curve]] = {}
    for run, trainings in runs.items():
        for training, told in trainings.items():
            for name, (steps, values) in told.items():
                if len(steps) > 1 and _is_shown(name) and not _is_detail(name):
                    title = " · ".join(filter(None, (training, name.replace("/", ": "))))
                    families.setdefault(title, {})[run] = _curve(run, name, steps, values)
    return Learning(_diagrams({title: _of_all(curves, list(runs)) for title, curves in families.items()}))


def _of_all(curves: Mapping[str, Curve], runs: Sequence[str]) -> list[Curve]:
    """One curve for each run, so that it has its colour in every diagram; an empty one where it told nothing."""
    nothing, label = np.zeros(0), next(iter(curves.values())).y_label
    missing = {run: Curve(f"{run}: none", "step", label, nothing, nothing, nothing) for run in runs}
    return [curves.get(run, missing[run]) for run in runs]


def write_learning_page(out: Path, title: str, learned: Learning) -> Path:
    """Write OUT/learning.html of a run that trained and searched nothing."""
    return write_page(Path(out) / "learning.html", "learning_page.html", title=title, learned=learned)


def _is_shown(name: str) -> bool:
    return name in _OWN or name.startswith(("validation/", "watched/"))


def _is_detail(name: str) -> bool:
    return name.startswith("watched/") and (
        _AT.search(name) is not None or _family(name) in ("sum", "drawn", "regions")
    )


def _family(name: str) -> str:
    """What belongs into one diagram: "recall 0.2" and "recall" do.

    >>> [_family(name) for name in ("watched/recall 0.2", "watched/sensitivity below 10 mm", "validation/cpm")]
    ['recall', 'sensitivity', 'cpm']
    """
    return name.rpartition("/")[2].split()[0]


def _curve(label: str, name: str, steps: NDArray[np.float64], values: NDArray[np.float64]) -> Curve:
    shown = smoothed(values) if name in _OWN else values
    return Curve(label, "step", _family(name), steps, shown, np.full(len(steps), np.nan))


def smoothed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """What batches told, which jumps: each value the mean of those around it, of one in twenty of all; at the ends of
    those that there are.

    >>> smoothed(np.tile([0.0, 1.0, 2.0], 20))[:3].round(2).tolist()
    [0.5, 1.0, 1.0]
    """
    reach = len(values) // _SPREAD
    total = np.concatenate([[0.0], np.cumsum(values)])
    first = np.maximum(np.arange(len(values)) - reach, 0)
    last = np.minimum(np.arange(len(values)) + reach + 1, len(values))
    return np.asarray((total[last] - total[first]) / (last - first))


def _diagrams(families: Mapping[str, Sequence[Curve]]) -> tuple[Diagram, ...]:
    """As many curves in a plot as there are colours."""
    found = []
    for title, curves in families.items():
        for first in range(0, len(curves), len(SERIES)):
            number = f" ({first // len(SERIES) + 1})" if len(curves) > len(SERIES) else ""
            found.append(Diagram(title + number, curves_svg(curves[first : first + len(SERIES)])))
    return tuple(found)


def _shot(path: Path) -> Shot:
    with Pillow.open(path) as picture:
        stream = io.BytesIO()
        picture.convert("RGB").save(stream, "JPEG", quality=88)
    uri = "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode("ascii")
    return Shot(path.stem, uri)
