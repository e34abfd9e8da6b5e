"""Prepared cases and slices that readers outlined -> a trained network with its card, which draws slice by slice."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.outlined import OutlinedSlices
from lesionkit.evaluate.overlap import dice
from lesionkit.infer.outlined import drawn_in
from lesionkit.learn.watch import MaskWatch
from lesionkit.nets.cube.mask_net import MaskNet
from lesionkit.read.truth.outlined import read_outlined
from lesionkit.recipes.base import Learned, Progress
from lesionkit.recipes.ct.insert import inserter, outline
from lesionkit.recipes.ct.prepare import PreparedSet
from lesionkit.recipes.ct.slices_settings import CtSlices
from lesionkit.recipes.ct.train import learn_each
from lesionkit.recipes.ct.two_stage_train import Dealt, Deck, encode_mask, train_chain
from lesionkit.recipes.ct.watch import slice_watch
from lesionkit.recipes.ensemble import NetPlan
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.augment_settings import NO_AUGMENTATION
from lesionkit.sample.draw import PatchDraws
from lesionkit.sample.drawn import drawn
from lesionkit.sample.slices import SliceDraws
from lesionkit.sample.split import split_by_patient

_HELD = ("val", "validation", "test")
_WITH_LESION = 0.75
"""Of the slices of scans that it is looked at on, the share around lesions."""
_SHOWN = 100
"""So many slices tell how a training goes."""


def learn(
    run: RunFolder, data: Path, settings: CtSlices, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`; what a sweep makes larger is the CPM on the validation cases."""
    pixel_of(settings)
    if settings.sample.slices is not None:
        # What cannot be used is refused before scans are prepared.
        read_outlined(settings.sample.slices)
    return learn_each(run, data, settings, start_from, progress, partial(train_chain, deck=slice_deck))


def slice_deck(plan: NetPlan[CtSlices], prepared: PreparedSet, dealt: Dealt, length: int) -> Deck:
    """What the network of a plan learns from, and how well it draws what readers outlined, learned from and not."""
    settings = plan.settings
    outlined, kept_out = outlined_for(settings, prepared, plan.fold)
    patches = PatchDraws(
        dealt[0],
        settings.sample,
        encode_mask,
        seed=settings.learn.seed,
        length=1,
        insert=inserter(settings) if settings.sample.insert_share else None,
        drawn=partial(drawn, form=settings.form, outline=outline(settings)),
        depth=settings.sample.depth,
        lesions_elsewhere=outlined is not None,
    )
    pixel_mm = pixel_of(settings)
    items = SliceDraws(
        patches,
        encode_mask,
        outlined,
        settings.sample,
        pixel_mm,
        seed=settings.learn.seed,
        length=length,
    )
    watch = _watched(dealt[1], kept_out, settings, pixel_mm)
    if outlined is None or kept_out is None:
        return Deck(items, watch)
    sets = {"dice": _some(kept_out), "dice_learned": _some(outlined)}
    return Deck(items, watch, partial(_mean_dice, sets=sets, pixel_mm=pixel_mm, settings=settings))


def _watched(
    held: Sequence[Case], kept_out: OutlinedSlices | None, settings: CtSlices, pixel_mm: float
) -> MaskWatch | None:
    """What the network is looked at on: outlined slices that validate; else slices of such scans, where any has a
    lesion.
    """
    sample = settings.sample.model_copy(update={"augment": NO_AUGMENTATION, "slices_share": 1.0})
    if kept_out is None and not any(case.truth for case in held):
        return None
    patches = None
    if kept_out is None:
        sample = sample.model_copy(update={"lesion_share": _WITH_LESION, "insert_share": 0.0, "hard_share": 0.0})
        draw = partial(drawn, form=settings.form, outline=outline(settings))
        patches = PatchDraws(
            held, sample, encode_mask, seed=settings.watch.seed, length=1, drawn=draw, depth=sample.depth
        )
    seed = settings.watch.seed
    return slice_watch(
        SliceDraws(patches, encode_mask, kept_out, sample, pixel_mm, seed=seed, length=1), settings.watch
    )


def outlined_for(
    settings: CtSlices, prepared: PreparedSet, fold: str
) -> tuple[OutlinedSlices | None, OutlinedSlices | None]:
    """The outlined slices that are learned from, and those that validate: no patient of either is in the other, nor
    among the scans that the other's round holds.

    Without folds the column "split" of the table says which validate; with folds patients are dealt to them.
    """
    if settings.sample.slices is None:
        return None, None
    whole = read_outlined(settings.sample.slices)
    if fold:
        each = {patient: patient for patient in whole.patients}
        dealt = split_by_patient(each, dict.fromkeys(prepared.splits.folds, 1.0), settings.split.seed)
        aside = set(dealt[fold])
    else:
        aside = {str(row["patient_id"]) for row in whole.rows if str(row.get("split")) in _HELD}
    learning, held = prepared.round(fold)
    tested = [prepared.cases[name] for name in prepared.splits.parts.get("test", ()) if name in prepared.cases]
    not_learned = aside | _patients([*held, *tested])
    not_held = _patients([*learning, *tested])
    mine = whole.where(lambda row: row["patient_id"] not in not_learned)
    theirs = whole.where(lambda row: row["patient_id"] in aside and row["patient_id"] not in not_held)
    if not len(mine):
        raise LesionkitError(
            f"{settings.sample.slices} must hold slices of patients that do not validate, got none; deal them anew in "
            "its column 'split'"
        )
    return mine, theirs if len(theirs) else None


def pixel_of(settings: CtSlices) -> float:
    """How wide the samples of a slice are, mm.

    Raises:
        LesionkitError: they are not square.
    """
    spacing = settings.prepare.spacing_mm
    _, y, x = spacing if isinstance(spacing, tuple) else (spacing,) * 3
    if y != x:
        raise LesionkitError(f"slices need square samples, got prepare.spacing_mm {y:g} along y and {x:g} along x")
    return y


def _patients(cases: Sequence[Case]) -> set[str]:
    return {case.patient_id for case in cases}


def _some(outlined: OutlinedSlices) -> OutlinedSlices:
    """A few slices, spread evenly."""
    chosen = set(np.linspace(0, len(outlined) - 1, min(_SHOWN, len(outlined))).astype(int).tolist())
    numbers = iter(range(len(outlined)))
    return outlined.where(lambda _row: next(numbers) in chosen)


def _mean_dice(
    net: MaskNet, sets: Mapping[str, OutlinedSlices], pixel_mm: float, settings: CtSlices
) -> Mapping[str, float]:
    """Mean Dice over slices, against what readers agreed on."""
    figures: dict[str, Any] = {}
    for name, outlined in sets.items():
        found = np.stack(list(drawn_in(net, outlined, pixel_mm))) >= settings.infer.drawn_from
        true = outlined.agreed(settings.sample.agreed)
        areas = [mask.sum(axis=(1, 2)) for mask in (true & found, true, found)]
        figures[name] = float(dice(*areas).mean())
    return figures
