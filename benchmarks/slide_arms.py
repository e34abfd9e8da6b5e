"""The arms of `slide_ablation.py`: each changes one thing of the common way to draw and change patches of slides."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator

from lesionkit.recipes.slide.case import analysed, open_case
from lesionkit.recipes.slide.patches import tissue_colours
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.sample.augment_slide_settings import SlideAugmentSettings
from lesionkit.sample.mine_slide import MineSettings, with_hard
from lesionkit.sample.slide_grid import SlideGridSettings, draw_patches, find_patches
from lesionkit.sample.slide_patches import RawPatch, SlidePatches
from lesionkit.sample.slide_stain import normaliser
from slide_held import HeldSlide

PER_EPOCH = 320
MIDDLE = 32


@dataclass(frozen=True)
class Arm:
    """Attributes: what an arm does with its minutes.

    weights: tumour : normal of slides with tumour : normal of slides without; None for what tissue holds.
    few: smaller patches of slides with little tumour.
    boundary: patches that are partly tumour are drawn as tumour is.
    corner: all patches of healthy slides are the empty corner, as by the original's slip.
    hard: half of the minutes, then false positives on the learning slides are shown again.
    by_slide: every patch of a slide with tumour is labelled tumour, as by the original's folders of patches.
    at_a_time: so many slides, then the next, never again those before.
    from_slides: patches are decoded from the slides when asked for.
    validated: its maps of validation slides are kept for ensembles.
    """

    group: str
    weights: tuple[float, float, float] | None = (1.0, 1.0, 2.0)
    few: bool = False
    boundary: bool = False
    corner: bool = False
    hard: bool = False
    by_slide: bool = False
    at_a_time: int = 0
    from_slides: bool = False
    validated: bool = False
    patch: int = 96
    augment: Mapping[str, Any] = field(default_factory=dict)
    stain: str = "none"
    centres: str = "AB"
    seed: int = 0

    @property
    def augmentation(self) -> SlideAugmentSettings:
        return SlideAugmentSettings.parse({"orient": "eight", "stain": 0.2, **self.augment})


_plain, _not, _stain, _shift = (Arm(name) for name in ("sampling", "did not work", "stain", "centre"))

_FIRST: Mapping[str, Arm] = {
    "common: 1:1:2, eight orientations, stain jitter": replace(_plain, validated=True),
    "common, another seed": replace(_plain, seed=1),
    "1:1, no healthy slides": replace(_plain, weights=(1.0, 1.0, 0.0)),
    "natural frequency": replace(_plain, weights=None),
    "boundary patches kept": replace(_plain, boundary=True, validated=True),
    "smaller patches where tumour is little": replace(_plain, few=True, validated=True),
    "hard negatives mined once": replace(_plain, hard=True),
    "bug: negatives all of one empty corner": replace(_plain, corner=True),
    "patches in folders, labelled by slide (bug)": replace(_not, by_slide=True),
    "4 slides at a time, in sequence": replace(_not, at_a_time=4),
    "patch 128": replace(_not, patch=128),
    "patch 64": replace(_not, patch=64),
    "A only": replace(_shift, centres="A"),
    "no stain jitter": replace(_stain, augment={"stain": 0.0}),
    "colour 0.3": replace(_not, augment={"colour": 0.3}),
    "hue 0.05": replace(_not, augment={"hue": 0.05}),
    "contrast 0.3": replace(_not, augment={"contrast": 0.3}),
    "elastic 6 px": replace(_not, augment={"elastic_px": 6.0}),
    "Macenko instead of jitter": replace(_stain, augment={"stain": 0.0}, stain="macenko"),
    "Reinhard instead of jitter": replace(_stain, augment={"stain": 0.0}, stain="reinhard"),
    "A only, no jitter": replace(_shift, centres="A", augment={"stain": 0.0}),
    "A only, Macenko instead of jitter": replace(_shift, centres="A", augment={"stain": 0.0}, stain="macenko"),
    "B only": replace(_shift, centres="B"),
    "patches decoded from the slides": replace(_not, from_slides=True),
}
COMMON = next(iter(_FIRST))

CLAIMED = (
    "natural frequency",
    "bug: negatives all of one empty corner",
    "patches in folders, labelled by slide (bug)",
    "4 slides at a time, in sequence",
    "patch 128",
    "A only, no jitter",
)
"""What is claimed of these is seen with three seeds."""

ARMS: Mapping[str, Arm] = {
    **_FIRST,
    "common, seed 2": replace(_FIRST[COMMON], validated=False, seed=2),
    **{f"{name}, seed {n}": replace(_FIRST[name], seed=n) for n in (1, 2) for name in CLAIMED},
}


class Shown(SlidePatches):
    """Patches labelled by what their middle holds, or by their slide."""

    by_slide = False

    def raw(self, number: int) -> RawPatch:
        found = super().raw(number)
        if self.by_slide:
            ill = self.annotated.get(self._places[number][0]) is not None
            return RawPatch(found.image, np.full_like(found.mask, ill), int(ill))
        first = (found.mask.shape[0] - MIDDLE) // 2
        middle = found.mask[first : first + MIDDLE, first : first + MIDDLE]
        return RawPatch(found.image, found.mask, int(middle.any()))


class ArmDraws:
    """epoch -> the patches of it."""

    def __init__(self, arm: Arm, slides: Mapping[str, HeldSlide], settings: SlideMetastasis, steps: int, batch: int):
        self.arm, self.settings = arm, settings
        self.slides = {name: s for name, s in slides.items() if s.centre in arm.centres}
        self.tables = {name: self._table(slide) for name, slide in self.slides.items()}
        self.normalise = stain_of(arm.stain, self.slides, settings) if arm.stain != "none" else None
        self.hard: pd.DataFrame | None = None
        self.groups = self._groups() if arm.at_a_time else []
        self.epochs = max(1, steps * batch // PER_EPOCH)

    def _table(self, slide: HeldSlide) -> pd.DataFrame:
        arm, table = self.arm, slide.prepared.patches
        if arm.patch != 96:
            grid = SlideGridSettings(patch=arm.patch)
            return find_patches(slide.pixels.grid, slide.prepared.tissue, slide.annotated, grid)
        return table if arm.few else table[table["side"] == 96]

    def _groups(self) -> list[list[str]]:
        """Half of each with patches that are all tumour, half healthy."""
        ill = [n for n, t in self.tables.items() if (t["kind"] == "tumour").any() and (t["kind"] == "normal").any()]
        healthy = [n for n in self.tables if not self.slides[n].has_tumour]
        half = self.arm.at_a_time // 2
        count = min(len(ill), len(healthy)) // half
        return [ill[half * k : half * (k + 1)] + healthy[half * k : half * (k + 1)] for k in range(count)]

    def __call__(self, epoch: int) -> Shown:
        rng = np.random.default_rng([self.arm.seed, epoch])
        return self.read(self.rows(epoch, rng))

    def rows(self, epoch: int, rng: Generator) -> pd.DataFrame:
        tables, arm = self.tables, self.arm
        if self.groups:
            number = min(epoch * len(self.groups) // self.epochs, len(self.groups) - 1)
            tables = {name: tables[name] for name in self.groups[number]}
        if arm.weights is None:
            every = pd.concat([t[t["kind"] != "boundary"].assign(slide=n) for n, t in tables.items()])
            return every.sample(PER_EPOCH, random_state=rng)
        if arm.boundary:
            tables = {n: t.assign(kind=t["kind"].replace("boundary", "tumour")) for n, t in tables.items()}
        drawn = draw_patches(tables, PER_EPOCH, rng, arm.weights)
        if arm.corner:
            drawn.loc[drawn["source"] == "negative", ["row", "column"]] = 0
        return drawn if self.hard is None else with_hard(drawn, self.hard, MineSettings(), rng)

    def read(self, rows: pd.DataFrame) -> Shown:
        annotated = {name: slide.annotated for name, slide in self.slides.items()}
        shown = Shown(rows, self._open, annotated, self.arm.patch, normalise=self.normalise)
        shown.by_slide = self.arm.by_slide
        return shown

    def _open(self, name: str):
        slide = self.slides[name]
        if not self.arm.from_slides:
            return slide.pixels
        return analysed(open_case(slide.prepared.entry.path, self.settings), self.settings)

    def normal(self, per_slide: int, rng: Generator) -> pd.DataFrame:
        """Normal patches of every slide, to be mined."""
        parts = []
        for name, table in self.tables.items():
            table = table[table["kind"] == "normal"]
            chosen = np.sort(rng.permutation(len(table))[:per_slide])
            parts.append(table.iloc[chosen][["row", "column", "kind"]].assign(slide=name))
        return pd.concat(parts, ignore_index=True)


def stain_of(method, slides: Mapping[str, HeldSlide], settings: SlideMetastasis):
    prepared = {name: slide.prepared for name, slide in slides.items()}
    return normaliser_of(method, prepared, settings)


def normaliser_of(method, prepared, settings: SlideMetastasis):
    """(slide, colours) -> colours in the stain of the reference."""
    tissue = {n: tissue_colours(open_case(p.entry.path, settings), p.tissue, settings) for n, p in prepared.items()}
    return normaliser(method, tissue)
