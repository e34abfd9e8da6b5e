"""Find pneumothorax as the second of SIIM-ACR did: classifiers decide, segmenters of positives draw.

    lesionkit run xray-pneumothorax-2nd DATA --out RUN      # as published: 40 trainings at up to 1024², days on 4 GPUs
    lesionkit run xray-pneumothorax-2nd DATA --out RUN --set net.encoder=tu-test_resnet --set net.pretrained=false \
        --set net.architecture=unet --set learn.side=256 --set learn.epochs=11 --set split.every_fold=false

U-Nets with an image head learn from all images and are stacked by a logistic model; five others, DeepLabV3+ among them,
learn from positive images alone (rows 3.30–3.42). Weights are averaged over the ends of restarts. Published: 0.8665 on
the private board. Research use only; not a medical device.
"""

from lesionkit.learn.segmentation_loss_settings import LOSSES
from lesionkit.learn.segmentation_settings import LEARNERS
from lesionkit.nets.segmenter_settings import WINNERS, SegmenterSettings
from lesionkit.recipes.flow import recipe
from lesionkit.recipes.splits import SplitSettings
from lesionkit.recipes.xray.kind import XRAY
from lesionkit.recipes.xray.members import Member, with_side, with_values
from lesionkit.recipes.xray.settings import RuleSettings, XrayInferSettings, XrayPneumothorax
from lesionkit.sample.balance import BALANCES, BalanceSettings

_ALL_IMAGES = BalanceSettings(knots=((0, 0.22),), replacement=False)
"""Each image once an epoch: 22 percent of SIIM-ACR's are positive (row 3.31)."""


def _classifier(name: str, net: str, batch: int, side: int = 1024) -> Member:
    learn = with_values(LEARNERS["2nd classifier"], batch=batch)
    member = Member(
        name=name, role="classifier", net=WINNERS[net], learn=learn, balance=(_ALL_IMAGES,), augment="2nd", side=1024
    )
    return with_side(member, side / 1024)


def _segmenter(name: str, net: SegmenterSettings, side: int = 1024, loss: str = "2nd") -> Member:
    learn = with_values(LEARNERS["2nd"], loss=LOSSES[loss])
    member = Member(name=name, net=net, learn=learn, balance=(BALANCES["2nd"],), augment="2nd", side=1024)
    return with_side(member, side / 1024)


class XraySecond(XrayPneumothorax):
    """Every setting of the recipe, one group per stage (rows 3.33, 3.35 and 3.39–3.41)."""

    members: tuple[Member, ...] = (
        _classifier("classifier se50", "2nd classifier", 16, 768),
        _classifier("classifier se101", "2nd se101", 8),
        _classifier("classifier b3", "2nd b3", 16),
        _segmenter("se50", WINNERS["2nd classifier"], loss="2nd with head"),
        _segmenter("se101", WINNERS["2nd se101"], loss="2nd with head"),
        _segmenter("b3", WINNERS["2nd b3"]),
        _segmenter("b5", WINNERS["2nd b5"], 768),
        _segmenter("deeplab", WINNERS["2nd deeplab"]),
    )
    split: SplitSettings = SplitSettings(folds=5, every_fold=True)
    rule: RuleSettings = RuleSettings(search="classify then segment", published="2nd", stack=True)
    infer: XrayInferSettings = XrayInferSettings(flip=False)


RECIPE = recipe("xray-pneumothorax-2nd", "pneumothorax as the second of SIIM-ACR found it", XraySecond, XRAY)
