"""Find pneumothorax as the first of 1,475 teams of SIIM-ACR did: three networks, rising sizes, triplet rule.

    lesionkit run xray-pneumothorax-1st DATA --out RUN      # as published: 15 trainings at up to 1024², days on a GPU
    lesionkit run xray-pneumothorax-1st DATA --out RUN --set net.encoder=tu-test_resnet --set net.pretrained=false \
        --set learn.side=256 --set learn.epochs=20 --set split.every_fold=false --set learn.batch=16      # on two cores

Two AlbuNet-34, ResNet-50 and scSE SE-ResNeXt-50 U-Nets (rows 3.1–3.24): part by part fewer positives (0.8, 0.6, 0.4;
one AlbuNet 0.8, 0.4, 0.6), 512 then 1024 pixels, the three best epochs of each of five folds. They count as in the
first or the second of its submissions (`submission`). Its pooling after the first convolution was 2×2, here 3×3 as in
the encoder. Published: 0.8679 on the private board, from one ensemble that its author could not fully reproduce.
Research use only; not a medical device.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import model_validator

from lesionkit.learn.segmentation_loss_settings import LOSSES
from lesionkit.learn.segmentation_settings import LEARNERS
from lesionkit.nets.segmenter_settings import WINNERS
from lesionkit.recipes.flow import recipe
from lesionkit.recipes.splits import SplitSettings
from lesionkit.recipes.xray.kind import XRAY
from lesionkit.recipes.xray.members import Member, with_values
from lesionkit.recipes.xray.settings import RuleSettings, XrayPneumothorax
from lesionkit.sample.balance import BalanceSettings

_LEARN = LEARNERS["1st"]

# Row 3.21: all but ResNet-50 begin at 512 pixels, with a frozen encoder at the change; row 3.13 its loss.
_RESNET50_LEARN = with_values(
    _LEARN,
    loss=LOSSES["1st 2:1:2"],
    parts=tuple(with_values(part, side=1024, frozen_epochs=0) for part in _LEARN.parts),
)
_PUBLIC_LEARN = with_values(_LEARN, loss=LOSSES["1st 1:1:1"])


def _balance(*shares: float) -> tuple[BalanceSettings, ...]:
    """Share of positives in the three parts and in the second stage (row 3.15)."""
    return tuple(BalanceSettings(knots=((0, share),)) for share in shares)


def _member(name: str, net: str, balance: tuple[BalanceSettings, ...], **values: object) -> Member:
    plain = {"learn": _LEARN, "augment": "1st", "side": 1024, "checkpoints": 3}
    return Member.parse({"name": name, "net": WINNERS[f"1st {net}"], "balance": balance, **plain, **values})


WEIGHTS: Mapping[str, Mapping[str, float]] = {
    "v1": {"albunet_public": 0.4, "albunet_valid": 0.2, "scse": 0.2, "resnet50": 0.2},
    "v2": {"albunet_public": 0.2, "albunet_valid": 0.15, "scse": 0.4, "resnet50": 0.25},
}
"""How the networks counted in the two submissions (row 3.11)."""


class XrayFirst(XrayPneumothorax):
    """Every setting of the recipe, one group per stage."""

    submission: Literal["v1", "v2"] = "v1"
    """Which of its two final submissions: how the networks count, and the triplet that is taken where none is searched
    (row 3.11)."""
    members: tuple[Member, ...] = (
        _member("albunet_public", "albunet", _balance(0.8, 0.4, 0.6, 0.4), weight=0.4, learn=_PUBLIC_LEARN),
        _member("albunet_valid", "albunet", _balance(0.8, 0.6, 0.4, 0.4), weight=0.2),
        _member("scse", "scse", _balance(0.8, 0.6, 0.4, 0.5), weight=0.2),
        _member("resnet50", "resnet50", _balance(0.8, 0.6, 0.4, 0.5), weight=0.2, learn=_RESNET50_LEARN),
    )
    split: SplitSettings = SplitSettings(folds=5, every_fold=True)
    rule: RuleSettings = RuleSettings(search="triplet of the 1st", published="1st submitted")

    @model_validator(mode="before")
    @classmethod
    def _of_the_submission(cls, values: Any) -> Any:
        """The second submission's triplet and weights, where others are not asked for."""
        if not isinstance(values, Mapping) or values.get("submission") != "v2":
            return values
        rule, members = (values.get(name, cls.model_fields[name].default) for name in ("rule", "members"))
        if isinstance(rule, RuleSettings) and rule.published == "1st submitted":
            rule = with_values(rule, published="1st submitted, second")
        if members == cls.model_fields["members"].default:
            members = tuple(with_values(m, weight=WEIGHTS["v2"][m.name]) for m in members)
        return {**values, "rule": rule, "members": members}


RECIPE = recipe("xray-pneumothorax-1st", "pneumothorax as the first of SIIM-ACR found it", XrayFirst, XRAY)
