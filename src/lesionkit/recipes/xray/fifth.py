"""Find pneumothorax as the fifth of SIIM-ACR did: ASPP U-Nets that also learn from radiographs without masks.

    lesionkit run xray-pneumothorax-5th DATA --out RUN --set unlabelled.images=NIH      # 7 trainings, days on 4 GPUs
    lesionkit run xray-pneumothorax-5th DATA --out RUN --set net.encoder=resnet18 --set net.pretrained=false \
        --set learn.side=256 --set learn.epochs=20 --set split.every_fold=false --set learn.teacher=false

A mean teacher agrees with its student on unlabelled NIH images; five folds of SE-ResNeXt-50 and two of 101 at 1024
pixels (rows 3.100–3.113). The network's new stem needs an encoder of the ResNet family. NIH mirrors SIIM-ACR's test
images: what is given as unlabelled must not hold any image that is scored. Research use only; not a medical device.
"""

from lesionkit.learn.segmentation_settings import LEARNERS
from lesionkit.nets.segmenter_settings import WINNERS
from lesionkit.recipes.flow import recipe
from lesionkit.recipes.splits import SplitSettings
from lesionkit.recipes.xray.kind import XRAY
from lesionkit.recipes.xray.members import Member
from lesionkit.recipes.xray.settings import RuleSettings, XrayPneumothorax
from lesionkit.sample.balance import BALANCES


def _member(name: str, net: str, folds: int) -> Member:
    """Every fold counts the same in the mean (row 3.110)."""
    return Member(
        name=name,
        net=WINNERS[net],
        learn=LEARNERS["5th"],
        balance=(BALANCES["5th"],),
        augment="5th",
        side=1024,
        folds=folds,
        weight=folds,
    )


class XrayFifth(XrayPneumothorax):
    """Every setting of the recipe, one group per stage (rows 3.100–3.113)."""

    members: tuple[Member, ...] = (_member("se50", "5th", 5), _member("se101", "5th se101", 2))
    split: SplitSettings = SplitSettings(folds=5, every_fold=True)
    rule: RuleSettings = RuleSettings(search="maximum pixel", published="5th")


RECIPE = recipe("xray-pneumothorax-5th", "pneumothorax as the fifth of SIIM-ACR found it", XrayFifth, XRAY)
