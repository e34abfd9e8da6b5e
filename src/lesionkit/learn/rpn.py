"""Train the region proposal network, with Lightning."""

from typing import cast

import torch
from torch import Tensor
from torch.nn import functional

from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.detection import HURRY, optimizer_of
from lesionkit.learn.ranks import Count, count_alone
from lesionkit.learn.rpn_settings import RpnLearnSettings, RpnRule
from lesionkit.learn.rpn_targets import chosen
from lesionkit.learn.steps import StepLearner
from lesionkit.nets.intensity import scale_hu
from lesionkit.nets.rpn.anchors import as_anchors
from lesionkit.nets.rpn.rpn_net import RpnNet


class RpnLearner(StepLearner[RpnNet]):
    """The network, its loss, its schedule and the moving average of its weights."""

    def __init__(self, net: RpnNet, settings: RpnLearnSettings) -> None:
        average = AverageSettings(decays=((0, settings.average),), warm=True, hurry=HURRY)
        super().__init__(net, settings, average if settings.average else None)

    def training_step(self, batch: dict[str, Tensor], _number: int) -> Tensor:
        """The loss of a batch: hu (b, 1, z, y, x) and location (b, 3, z/4, y/4, x/4), label and box of `RpnTarget`."""
        settings = cast(RpnLearnSettings, self.settings)
        maps = self.net(scale_hu(batch["hu"]), batch["location"])
        parts = rpn_loss(maps, batch["label"], batch["box"], settings.rule, self.counted)
        self.log_dict({f"loss/{name}": value.detach() for name, value in parts.items() if name != "total"})
        self.log("loss", parts["total"].detach(), prog_bar=True)
        return parts["total"]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return optimizer_of(self.net, cast(RpnLearnSettings, self.settings))


def rpn_loss(
    maps: Tensor,
    label: Tensor,
    box: Tensor,
    rule: RpnRule,
    counted: Count = count_alone,
    generator: torch.Generator | None = None,
) -> dict[str, Tensor]:
    """The parts "positive", "negative" and "box" of the loss, and their weighted sum as "total" (row 2.31).

    Each part is a mean over its own anchors, so that no number of negatives drowns the positives; with
    `rule.loss="pooled"` all are divided by the count of both kinds of anchors. A batch without any counts one.

    Args:
        maps: (b, a × 5, z, y, x) raw output; computed with in 32 bits.
        label: (b, a, z, y, x), see `RpnTarget`.
        box: (b, a, 4, z, y, x).
        counted: how anchors are counted, see `learn.ranks`.
        generator: of the random choices; None: torch's own.
    """
    said = as_anchors(maps.float())
    logit, offsets = said[:, :, 0], said[:, :, 1:]
    positive, negative = chosen(label, logit, rule, generator)
    fit, nothing = logit[positive], logit[negative]
    of_fit = functional.softplus(-fit) * torch.sigmoid(-fit) ** rule.focus
    of_nothing = functional.softplus(nothing) * torch.sigmoid(nothing) ** rule.focus
    wanted = box.movedim(2, -1)[positive]
    of_box = functional.smooth_l1_loss(offsets.movedim(2, -1)[positive], wanted, reduction="none").mean(dim=1)
    sums = {"positive": of_fit.sum(), "negative": of_nothing.sum(), "box": of_box.sum()}
    counts = {"positive": positive.sum(), "negative": negative.sum(), "box": positive.sum()}
    if rule.loss == "pooled":
        counts = dict.fromkeys(counts, positive.sum() + negative.sum())
    parts = {name: value / counted(counts[name]) for name, value in sums.items()}
    total = torch.stack([weight * parts[name] for weight, name in zip(rule.weights, parts, strict=True)]).sum()
    return {**parts, "total": total}
