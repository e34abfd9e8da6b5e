"""Prepared cases -> a trained region proposal network with its card, in one round or in several."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from lesionkit.core.case import Case
from lesionkit.infer.rpn import RpnDetector
from lesionkit.learn.detection import fit
from lesionkit.learn.loop import seed_everything
from lesionkit.learn.rpn import RpnLearner
from lesionkit.learn.rpn_settings import RpnLearnSettings, RpnRule
from lesionkit.learn.rpn_targets import assign
from lesionkit.nets.rpn.anchors import Anchors
from lesionkit.nets.rpn.rpn_net import RpnNet
from lesionkit.nets.weights import load_net, pick_device, save_model
from lesionkit.recipes.base import Learned, Progress
from lesionkit.recipes.ct.insert import inserter
from lesionkit.recipes.ct.rounds import Fitted, Round, in_rounds
from lesionkit.recipes.ct.rpn_settings import CtNoduleRpn
from lesionkit.recipes.ct.train import learn_each
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.draw import PatchDraws
from lesionkit.sample.mined_draws import MinedDraws
from lesionkit.sample.patch import Patch


def learn(
    run: RunFolder, data: Path, settings: CtNoduleRpn, start_from: Path | None, progress: Progress | None = None
) -> Learned:
    """See `Kind.learn`; what a sweep makes larger is the CPM on the validation cases, of several networks its mean."""
    return learn_each(run, data, settings, start_from, progress, partial(in_rounds, one_round=one_round))


def one_round(run: RunFolder, now: Round[CtNoduleRpn]) -> Fitted:
    """Train for one round: on crops of one size, or on growing ones, each size from the weights of the one before."""
    learn = now.plan.settings.learn
    if now.last and now.number > 1:
        learn = learn.model_copy(update={"rule": learn.rule.model_copy(update={"focus": learn.last_focus})})
    seed_everything(learn.seed)
    net = load_net(now.start, RpnNet)[0].train() if now.start else RpnNet(now.plan.settings.net)
    *growing, (side, last) = learn.parts(now.plan.settings.sample.patch)
    tell_of_large(run, now.cases, side)
    done = 0
    for own, part in growing:
        net = _grown(now, net, own, part, done)
        done += part.steps
    folder = now.folder / f"crop-{side}" if growing else now.folder
    fitted = _fitted(now, net, side, last, folder, done)
    return replace(fitted, step=done + fitted.step)


def _grown(now: Round[CtNoduleRpn], net: RpnNet, side: int, learn: RpnLearnSettings, done: int) -> RpnNet:
    """The network after crops of one size; what an earlier sitting finished is read."""
    folder = now.folder / f"crop-{side}"
    file = folder / "weights.safetensors"
    if not file.is_file():
        save_model(file, _fitted(now, net, side, learn, folder, done).net, {})
    return load_net(file, RpnNet)[0].train()


def _fitted(
    now: Round[CtNoduleRpn], net: RpnNet, side: int, learn: RpnLearnSettings, folder: Path, done: int
) -> Fitted:
    """Train on crops of one size.

    Args:
        done: steps of this round before these.
    """
    settings = now.plan.settings
    sample = settings.sample.model_copy(update={"patch": side})
    encode = partial(encode_patch, anchors=net.anchors, rule=learn.rule)
    how: dict[str, Any] = {
        "seed": learn.seed + done,
        "length": learn.steps * learn.batch * learn.devices,
        "insert": inserter(settings),
    }
    patches = (
        PatchDraws(now.cases, sample, encode, **how)
        if now.mined is None
        else MinedDraws(now.cases, sample, encode, mined=now.mined, **how)
    )
    detector = partial(RpnDetector, settings=settings.infer, device=pick_device(settings.infer.device))
    learner = RpnLearner(net, learn)
    figures = fit(learner, patches, folder, now.judge.validate(detector, lambda: done + learner.global_step))
    return Fitted.of(learner, figures, crops_per_step=learn.batch, side_of_a_crop=side)


def tell_of_large(run: RunFolder, cases: Sequence[Case], side: int) -> None:
    """Say which lesions no crop can hold."""
    large = sum(lesion.diameter_mm > side for case in cases for lesion in case.truth or ())
    if large:
        run.warn(
            f"{large} lesion(s) are larger than a crop of {side} mm and are not learned; a larger sample.patch holds "
            "them"
        )


def encode_patch(patch: Patch, anchors: Anchors, rule: RpnRule) -> dict[str, NDArray[Any]]:
    """What the network learns from: location (3, …), label (a, …) and box (a, 4, …), see `RpnTarget`."""
    target = assign(patch.hu.shape[0], anchors, patch.balls, patch.ignored, rule)
    return {
        "location": patch.location(anchors.stride),
        "label": target.label.numpy(),
        "box": target.box.numpy(),
    }
