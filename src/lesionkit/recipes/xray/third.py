"""Find pneumothorax as the third of SIIM-ACR did: cut to the lungs, CBAM decoder, Lovász loss, moving average.

    lesionkit run xray-pneumothorax-3rd DATA --out RUN      # as published: 30 trainings at 576² and 704², 3 GPUs
    lesionkit run xray-pneumothorax-3rd DATA --out RUN --set net.encoder=tu-test_resnet --set net.pretrained=false \
        --set learn.side=256 --set learn.epochs=10 --set split.every_fold=false      # on two cores
    … --set pseudo.rounds=1 --set unlabelled.images=CHEXPERT --set unlabelled.labels=CHEXPERT/train.csv \
        --set further.images=NIH

A ResNet-34 U-Net with CBAM draws the lungs first (trained on `lungs/` of DATA; or `lung.model`); the radiograph is cut
down to them (rows 3.50–3.70). Of its three networks one learns from no pseudo-labels, one from CheXpert's, one from
CheXpert's and NIH's, once `pseudo.rounds` asks for any. The three of ten folds with the best validation search; it
chose them by their gain over another model of its. Its pooling after the first convolution was 2×2, here 3×3 as in the
encoder. Fixed threshold, no search. Research use only; not a medical device.
"""

from lesionkit.learn.schedule_settings import TrainingPart
from lesionkit.learn.segmentation_settings import LEARNERS
from lesionkit.nets.segmenter_settings import WINNERS
from lesionkit.recipes.flow import recipe
from lesionkit.recipes.splits import SplitSettings
from lesionkit.recipes.xray.kind import XRAY
from lesionkit.recipes.xray.members import Member, with_side, with_values
from lesionkit.recipes.xray.settings import LungSettings, RuleSettings, XrayPneumothorax
from lesionkit.sample.balance import BALANCES

_LEARN = LEARNERS["3rd"]


def _member(name: str, pseudo: str, side: int = 576) -> Member:
    member = Member.parse(
        {
            "name": name,
            "net": WINNERS["3rd"],
            "learn": _LEARN,
            "balance": (BALANCES["3rd"],),
            "augment": "3rd",
            "side": 576,
            "checkpoints": 3,
            "pseudo": pseudo,
            "best_folds": 3,
        }
    )
    return with_side(member, side / 576)


# Row 3.50: 256 pixels, batches of 16, 30 epochs, no balancing; its loss and rate are not told, so those of the others.
_LUNG = Member(
    name="lung",
    net=WINNERS["3rd lung"],
    learn=with_values(
        _LEARN, parts=(TrainingPart(epochs=30, rate=1e-4, side=256),), batch=16, accumulate=1, average=None
    ),
    balance=(BALANCES["2nd"],),
    augment="3rd",
    side=256,
)


class XrayThird(XrayPneumothorax):
    """Every setting of the recipe, one group per stage (rows 3.50–3.70)."""

    members: tuple[Member, ...] = (
        _member("704", "none", 704),
        _member("576 chexpert", "unlabelled"),
        _member("576 chexpert nih", "all"),
    )
    split: SplitSettings = SplitSettings(folds=10, every_fold=True)
    lung: LungSettings = LungSettings(crop=True, member=_LUNG)
    rule: RuleSettings = RuleSettings(search="none", published="3rd")


RECIPE = recipe("xray-pneumothorax-3rd", "pneumothorax as the third of SIIM-ACR found it", XrayThird, XRAY)
