"""Find pneumothorax as the third of SIIM-ACR did: cut to the lungs, CBAM decoder, Lovász loss, moving average.

    lesionkit run xray-pneumothorax-3rd DATA --out RUN      # as published: 6 trainings at 576² and 704², days on 3 GPUs
    lesionkit run xray-pneumothorax-3rd DATA --out RUN --set net.encoder=tu-test_resnet --set net.pretrained=false \
        --set learn.side=256 --set learn.epochs=10 --set split.every_fold=false      # on two cores
    … --set pseudo.rounds=1 --set unlabelled.images=CHEXPERT --set unlabelled.labels=CHEXPERT/train.csv

A small network draws the lungs first (from `lungs/` of DATA, or `lung.model`); the radiograph is cut down to them
(rows 3.50–3.70). Its pseudo-labels of CheXpert and NIH come with `unlabelled` and `pseudo`; here all networks learn
from them. It took the best three of ten folds; here the first three are trained. Fixed threshold, no search. Research
use only; not a medical device.
"""

from lesionkit.learn.segmentation_settings import LEARNERS
from lesionkit.nets.segmenter_settings import WINNERS
from lesionkit.recipes.flow import recipe
from lesionkit.recipes.splits import SplitSettings
from lesionkit.recipes.xray.kind import XRAY
from lesionkit.recipes.xray.members import Member, with_side
from lesionkit.recipes.xray.settings import LungSettings, RuleSettings, XrayPneumothorax
from lesionkit.sample.balance import BALANCES

_SMALLER = Member(
    name="576",
    net=WINNERS["3rd"],
    learn=LEARNERS["3rd"],
    balance=(BALANCES["3rd"],),
    augment="3rd",
    side=576,
    checkpoints=3,
)


class XrayThird(XrayPneumothorax):
    """Every setting of the recipe, one group per stage (rows 3.50–3.70)."""

    members: tuple[Member, ...] = (with_side(_SMALLER.model_copy(update={"name": "704"}), 704 / 576), _SMALLER)
    split: SplitSettings = SplitSettings(folds=10, every_fold=True)
    lung: LungSettings = LungSettings(crop=True)
    rule: RuleSettings = RuleSettings(search="none", published="3rd")


RECIPE = recipe("xray-pneumothorax-3rd", "pneumothorax as the third of SIIM-ACR found it", XrayThird, XRAY)
