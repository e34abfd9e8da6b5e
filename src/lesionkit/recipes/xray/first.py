"""Find pneumothorax as the first of 1,475 teams of SIIM-ACR did: three networks, rising sizes, triplet rule.

    lesionkit run xray-pneumothorax-1st DATA --out RUN      # as published: 15 trainings at up to 1024², days on a GPU
    lesionkit run xray-pneumothorax-1st DATA --out RUN --set net.encoder=tu-test_resnet --set net.pretrained=false \
        --set learn.side=256 --set learn.epochs=20 --set split.every_fold=false --set learn.batch=16      # on two cores

AlbuNet-34, ResNet-50 and scSE SE-ResNeXt-50 U-Nets (rows 3.1–3.24): part by part fewer positives (0.8, 0.6, 0.4, 0.5),
512 then 1024 pixels, the three best epochs of each of five folds. Published: 0.8679 on the private board, from one
ensemble that its author could not fully reproduce. Research use only; not a medical device.
"""

from lesionkit.learn.segmentation_loss_settings import LOSSES
from lesionkit.learn.segmentation_settings import LEARNERS
from lesionkit.nets.segmenter_settings import WINNERS
from lesionkit.recipes.flow import recipe
from lesionkit.recipes.splits import SplitSettings
from lesionkit.recipes.xray.kind import XRAY
from lesionkit.recipes.xray.members import Member, with_values
from lesionkit.recipes.xray.settings import RuleSettings, XrayPneumothorax
from lesionkit.sample.balance import BALANCES

_BALANCE = tuple(BALANCES[f"1st {part}"] for part in ("part 0", "part 1", "part 2", "2nd stage"))
_LEARN = LEARNERS["1st"]

# Row 3.21: all but ResNet-50 begin at 512 pixels; row 3.13 its loss.
_RESNET50_LEARN = with_values(
    _LEARN, loss=LOSSES["1st 2:1:2"], parts=tuple(with_values(part, side=1024) for part in _LEARN.parts)
)


def _member(name: str, **values: object) -> Member:
    plain = {"learn": _LEARN, "balance": _BALANCE, "augment": "1st", "side": 1024, "checkpoints": 3}
    return Member.parse({"name": name, "net": WINNERS[f"1st {name}"], **plain, **values})


class XrayFirst(XrayPneumothorax):
    """Every setting of the recipe, one group per stage; the weights are those of the first submission (row 3.11)."""

    members: tuple[Member, ...] = (
        _member("albunet", weight=0.6),
        _member("scse", weight=0.2),
        _member("resnet50", weight=0.2, learn=_RESNET50_LEARN),
    )
    split: SplitSettings = SplitSettings(folds=5, every_fold=True)
    rule: RuleSettings = RuleSettings(search="triplet", published="1st submitted")


RECIPE = recipe("xray-pneumothorax-1st", "pneumothorax as the first of SIIM-ACR found it", XrayFirst, XRAY)
