"""Find pneumothorax as the fourth of SIIM-ACR did: crops, a falling share of positives, an image head in the rule.

    lesionkit run xray-pneumothorax-4th DATA --out RUN      # as published: 8 trainings on crops of 512², days on 4 GPUs
    lesionkit run xray-pneumothorax-4th DATA --out RUN --set net.encoder=tu-test_resnet --set net.pretrained=false \
        --set learn.side=256 --set learn.epochs=20 --set split.every_fold=false      # on two cores

A ResNet-34 U-Net with frozen batch norms learns on crops of 512 from 768 pixels and searches the whole 768; the share
of positives falls from 0.8 to 0.22; the four best epochs of each of eight folds (rows 3.80–3.90). Its text says twice
the opposite of its code; this is the code. Research use only; not a medical device.
"""

from lesionkit.learn.segmentation_settings import LEARNERS
from lesionkit.nets.segmenter_settings import WINNERS
from lesionkit.recipes.flow import recipe
from lesionkit.recipes.splits import SplitSettings
from lesionkit.recipes.xray.kind import XRAY
from lesionkit.recipes.xray.members import Member
from lesionkit.recipes.xray.settings import RuleSettings, XrayPneumothorax
from lesionkit.sample.balance import BALANCES


class XrayFourth(XrayPneumothorax):
    """Every setting of the recipe, one group per stage (rows 3.80–3.90)."""

    members: tuple[Member, ...] = (
        Member(
            name="resnet34",
            net=WINNERS["4th"],
            learn=LEARNERS["4th"],
            balance=(BALANCES["4th"],),
            augment="4th",
            crop=512 / 768,
            side=768,
            checkpoints=4,
        ),
    )
    split: SplitSettings = SplitSettings(folds=8, every_fold=True)
    rule: RuleSettings = RuleSettings(search="head and area", published="4th")


RECIPE = recipe("xray-pneumothorax-4th", "pneumothorax as the fourth of SIIM-ACR found it", XrayFourth, XRAY)
