"""Which nuclei lie where, and stamping them from banks of sprites."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from lesionkit.phantoms.slide.kind import Kind, TissueMap
from lesionkit.phantoms.slide.noise import Dice, Floats, Points, scatter
from lesionkit.phantoms.slide.plan import SlidePlan
from lesionkit.phantoms.slide.sprite import (
    CENTROBLAST,
    DEBRIS,
    HISTIOCYTE,
    LYMPHOCYTE,
    MITOSIS,
    RED_CELL,
    SPINDLE,
    TURNS,
    Bank,
    NucleusKind,
    make_bank,
)

BankName: TypeAlias = Literal[
    "lymphocyte", "centroblast", "histiocyte", "spindle", "tumour", "debris", "mitosis", "red"
]


@dataclass(frozen=True)
class Layer:
    """Cells that share a lattice.

    Attributes:
        pitch_um: distance between neighbours.
        chance: of a cell at its place, per tissue; 0 in others.
        rare: another bank that a share of the cells takes, per tissue.
        reach_um: how far a cell keeps from white space.
    """

    name: str
    bank: BankName
    pitch_um: float
    chance: Mapping[Kind, float]
    rare: Mapping[Kind, tuple[BankName, float]]
    reach_um: float = 2.0
    jitter: float = 0.62


@dataclass(frozen=True, eq=False)
class Stamp:
    """Nuclei of one bank: pixel (row, column) of their centres on the canvas and which sprite each takes."""

    bank: BankName
    row: NDArray[np.intp]
    column: NDArray[np.intp]
    sprite: NDArray[np.intp]


def make_banks(plan: SlidePlan, spacing_um: float) -> dict[BankName, Bank]:
    """The sprites of a slide, at its pixel size."""
    kinds: dict[BankName, NucleusKind] = {
        "lymphocyte": LYMPHOCYTE,
        "centroblast": CENTROBLAST,
        "histiocyte": HISTIOCYTE,
        "spindle": SPINDLE,
        "debris": DEBRIS,
        "mitosis": MITOSIS,
        "red": RED_CELL,
        "tumour": plan.tumour.nucleus,
    }
    banks: dict[BankName, Bank] = {}
    for number, (name, kind) in enumerate(kinds.items()):
        scale = 1.0 if name == "tumour" else plan.traits.nucleus_scale
        rng = np.random.default_rng([21, plan.seed, number])
        banks[name] = make_bank(rng, replace(kind, diameter_um=kind.diameter_um * scale), spacing_um)
    return banks


def layers(plan: SlidePlan) -> tuple[Layer, ...]:
    """The cells of a slide, those that are painted first at the front."""
    traits, tumour = plan.traits, plan.tumour
    scale, fill = traits.nucleus_scale, traits.fill
    return (
        Layer("red", "red", 6.6, {Kind.BLOOD: 0.93}, {}, jitter=0.5),
        Layer(
            "small",
            "lymphocyte",
            7.3 * scale,
            {
                Kind.LYMPH: fill,
                Kind.MANTLE: min(1.0, fill + 0.08),
                Kind.GERMINAL: 0.06,
                Kind.HISTIOCYTES: 0.12,
                Kind.STROMA: 0.012,
                Kind.FAT: 0.03,
                Kind.TUMOUR: 0.035,
                Kind.SCATTERED: 0.28 * fill,
            },
            {Kind.LYMPH: ("debris", 0.01)},
        ),
        Layer(
            "centre",
            "centroblast",
            9.4 * scale,
            {Kind.GERMINAL: 0.88, Kind.LYMPH: 0.025},
            {Kind.GERMINAL: ("debris", 0.04)},
        ),
        Layer("pale", "histiocyte", 11.8 * scale, {Kind.HISTIOCYTES: 0.82, Kind.LYMPH: 0.05, Kind.GERMINAL: 0.06}, {}),
        Layer(
            "tumour",
            "tumour",
            tumour.pitch_um,
            {Kind.TUMOUR: 0.93, Kind.SCATTERED: tumour.among},
            {Kind.TUMOUR: ("mitosis", 0.015)},
            reach_um=3.0,
        ),
        Layer(
            "long",
            "spindle",
            15.0,
            {Kind.STROMA: 0.5, Kind.LYMPH: 0.06, Kind.HISTIOCYTES: 0.05, Kind.FAT: 0.2},
            {},
            0.3,
        ),
    )


def stamps(plan: SlidePlan, tissue: TissueMap, spacing_um: float) -> Iterator[Stamp]:
    """The nuclei of the canvas whose corner is the second sample of a tissue map, a bank at a time."""
    corner = [(s + 1) * tissue.raster.step_um / spacing_um for s in tissue.raster.start]
    present = set(np.unique(tissue.kind).tolist())
    for layer in layers(plan):
        if not present & {int(kind) for kind in layer.chance}:
            continue
        dice = Dice.of(plan.seed, f"cells {layer.name}")
        points = scatter(dice, tissue.raster.box_um, layer.pitch_um, layer.jitter)
        place = tissue.raster.nearest(points.y, points.x)
        kind = tissue.kind[place]
        chance = _by_kind(layer.chance)[kind]
        chosen = (dice.roll(*points.cell, 3) < chance) & (tissue.solid_um[place] > layer.reach_um)
        points, kind, place = points.where(chosen), kind[chosen], (place[0][chosen], place[1][chosen])
        if not len(points):
            continue
        row, column = (
            np.floor(p / spacing_um - c).astype(np.intp) for p, c in zip((points.y, points.x), corner, strict=True)
        )
        sprite = _sprites(dice, points, _turns(tissue, place) if layer.bank == "spindle" else None)
        bank = np.full(len(points), 0)
        names: list[BankName] = [layer.bank]
        for where, (name, share) in layer.rare.items():
            names.append(name)
            bank[(kind == where) & (dice.roll(*points.cell, 6) < share)] = len(names) - 1
        for number, name in enumerate(names):
            of = bank == number
            yield Stamp(name, row[of], column[of], sprite[of])


def paint(canvas: Floats, bank: Bank, stamp: Stamp) -> None:
    """Lay nuclei over a canvas; where two overlap the denser one shows. Those beyond the canvas are left out."""
    r = bank.radius
    inside = (stamp.row >= r) & (stamp.column >= r)
    inside &= (stamp.row < canvas.shape[0] - r) & (stamp.column < canvas.shape[1] - r)
    sprites, side = bank.sprites, 2 * r + 1
    tops, lefts = (stamp.row[inside] - r).tolist(), (stamp.column[inside] - r).tolist()
    for top, left, number in zip(tops, lefts, stamp.sprite[inside].tolist(), strict=True):
        part = canvas[top : top + side, left : left + side]
        np.maximum(part, sprites[number], out=part)


def _sprites(dice: Dice, points: Points, turns: NDArray[np.float64] | None, per_turn: int = 10) -> NDArray[np.intp]:
    if turns is None:
        return (dice.roll(*points.cell, 4) * (TURNS * per_turn)).astype(np.intp)
    # Fibroblasts lie along their fibres, give or take.
    bent = turns / np.pi * TURNS + (dice.roll(*points.cell, 5) - 0.5) * 3
    return np.mod(np.rint(bent).astype(np.intp), TURNS) * per_turn + (dice.roll(*points.cell, 4) * per_turn).astype(
        np.intp
    )


def _turns(tissue: TissueMap, place: tuple[NDArray[np.intp], NDArray[np.intp]]) -> NDArray[np.float64]:
    """Direction of the fibres at samples, radians from x towards y."""
    row, column = (np.clip(axis, 1, size - 2) for axis, size in zip(place, tissue.flow_um.shape, strict=True))
    flow = tissue.flow_um
    down = flow[row + 1, column] - flow[row - 1, column]
    across = flow[row, column + 1] - flow[row, column - 1]
    return np.asarray(np.arctan2(across, -down), dtype=np.float64)


def _by_kind(values: Mapping[Kind, float]) -> Floats:
    table = np.zeros(len(Kind), np.float32)
    for kind, value in values.items():
        table[kind] = value
    return table


def largest_radius(banks: Mapping[BankName, Bank]) -> int:
    """Pixels that the largest sprite reaches from its centre."""
    return max(bank.radius for bank in banks.values())
