"""The arms of `xray_ablation.py`: each is one trick of a winner of SIIM-ACR on the common small network.

An arm is a function from the common `Member` to the changed one. Arms that keep the network go on from one common
start, so that a short budget tells something; other networks start afresh, beside the common one that does so too.
"""

from collections.abc import Callable, Mapping

from lesionkit.learn.average_settings import AverageSettings
from lesionkit.learn.schedule_settings import TrainingPart
from lesionkit.learn.segmentation_loss_settings import LOSSES
from lesionkit.learn.teacher_settings import TeacherSettings
from lesionkit.nets.segmenter_settings import SegmenterSettings
from lesionkit.recipes.xray.members import Member, with_values
from lesionkit.sample.balance import BALANCES, BalanceSettings

Change = Callable[[Member], Member]

STEPS_PER_EPOCH = 40


def common(epochs: int, side: int = 256) -> Member:
    """What every arm changes one thing of: cross-entropy, half positives, constant rate, no augmentation."""
    return Member(
        name="arm",
        net=SegmenterSettings(architecture="light unet", encoder="narrow-resnet18", pretrained=False, head="linear"),
        learn={
            "parts": (TrainingPart(epochs=epochs, rate=7e-4, side=side, start="last"),),
            "loss": with_values(LOSSES["bce"], image_bce=0.1),
            "batch": 8,
            "clip_norm": 1.0,
            "weight_decay": 0.0,
            "validate_every": STEPS_PER_EPOCH,
        },
        balance=(BalanceSettings(knots=((0, 0.5),)),),
        augment="none",
        side=side,
    )


def learn(**values: object) -> Change:
    return lambda m: with_values(m, learn=with_values(m.learn, **values))


def part(**values: object) -> Change:
    return lambda m: learn(parts=(with_values(m.learn.parts[0], **values),))(m)


def net(**values: object) -> Change:
    return lambda m: with_values(m, net=with_values(m.net, **values))


def shares(*knots: tuple[float, float], between: str = "steps") -> Change:
    """Knots are (share of the training, share of positives)."""

    def change(m: Member) -> Member:
        epochs = m.learn.parts[0].epochs
        at = tuple((int(when * epochs), share) for when, share in knots)
        return with_values(m, balance=(BalanceSettings(knots=at, between=between),))

    return change


def periods(shape: str, count: int) -> Change:
    """A swinging learning rate with so many periods in the budget."""

    def change(m: Member) -> Member:
        epochs = m.learn.parts[0].epochs
        return part(shape=shape, period=max(epochs // count, 1), lowest=1e-6)(m)

    return change


def rising(m: Member) -> Member:
    """Half the budget at half the side, then all of it with a frozen encoder at first."""
    first = m.learn.parts[0]
    half = max(first.epochs // 2, 1)
    parts = (
        with_values(first, epochs=half, side=first.side // 2),
        with_values(first, epochs=half, side=first.side, frozen_epochs=max(half // 4, 1)),
    )
    return learn(parts=parts)(m)


def averaged(decay: float) -> Change:
    return learn(average=AverageSettings(decays=((0, 0.0), (1, decay))))


def swa(m: Member) -> Member:
    epochs = m.learn.parts[0].epochs
    return learn(swa_epochs=tuple(sorted({epochs - 1 - n * max(epochs // 6, 1) for n in range(3)})))(m)


def taught(m: Member) -> Member:
    """The fifth's ramp, shortened to the budget."""
    epochs = m.learn.parts[0].epochs
    return learn(
        teacher=TeacherSettings(
            average=AverageSettings(decays=((0, 0.5), (1, 0.9), (2, 0.99)), warm=True, buffers="own"),
            first_epoch=max(epochs // 6, 1),
            ramp_epochs=epochs,
        )
    )(m)


def best_three(m: Member) -> Member:
    return with_values(learn(parts=(with_values(m.learn.parts[0], keep=3),))(m), checkpoints=3)


SAME_NET: Mapping[str, Change] = {
    "common": lambda m: m,
    "loss 1st 3:1:4": learn(loss=with_values(LOSSES["1st 3:1:4"], image_bce=0.1)),
    "loss 1st 1:1:1": learn(loss=with_values(LOSSES["1st 1:1:1"], image_bce=0.1)),
    "loss 1st 2:1:2": learn(loss=with_values(LOSSES["1st 2:1:2"], image_bce=0.1)),
    "loss 2nd squared Dice": learn(loss=LOSSES["2nd with head"]),
    "loss 2nd BCE + image BCE + focal": learn(loss=LOSSES["2nd classifier"]),
    "loss 3rd symmetric Lovasz": learn(loss=with_values(LOSSES["3rd"], image_bce=0.1)),
    "loss 4th 2.7 : 0.9 : 0.1": learn(loss=LOSSES["4th"]),
    "loss 5th 1024 BCE + image BCE": learn(loss=LOSSES["5th"]),
    "sampling 0.8": shares((0, 0.8)),
    "sampling natural 0.22": shares((0, 0.22)),
    "sampling 1st steps 0.8 0.6 0.4 0.5": shares((0, 0.8), (0.25, 0.6), (0.5, 0.4), (0.75, 0.5)),
    "sampling 4th linear 0.8 to 0.22": shares((0, 0.8), (1, 0.22), between="linear"),
    "sampling 5th half and half, both drawn": lambda m: with_values(m, balance=(BALANCES["5th"],)),
    "sampling 2nd positives only": shares((0, 1.0)),
    "schedule cosine": periods("cosine", 1),
    "schedule warm restarts": periods("warm restarts", 2),
    "schedule rising size, frozen encoder first": rising,
    "crop-train, full-infer (4th)": lambda m: with_values(m, augment="4th", crop=2 / 3),
    "EMA 0.99 (3rd)": averaged(0.99),
    "SWA with batch norm estimated (2nd)": swa,
    "three best epochs (1st)": best_three,
    "augmentation 1st": lambda m: with_values(m, augment="1st"),
    "augmentation 2nd": lambda m: with_values(m, augment="2nd"),
    "augmentation 3rd": lambda m: with_values(m, augment="3rd"),
    "augmentation 5th": lambda m: with_values(m, augment="5th"),
    "mean teacher (5th)": taught,
    "pseudo-labels, one round (3rd)": lambda m: m,
    "lung crop (3rd)": lambda m: m,
    "norm frozen batch (4th)": net(norm="frozen batch"),
}
"""Arms that go on from the common start."""

OTHER_NETS: Mapping[str, Change] = {
    "net common": lambda m: m,
    "net U-Net": net(architecture="unet"),
    "net AlbuNet": net(architecture="albunet"),
    "net bottleneck U-Net": net(architecture="bottleneck unet"),
    "net scSE U-Net": net(architecture="scse unet"),
    "net DeepLabV3+": net(architecture="deeplab", encoder="resnet18"),
    "net CBAM, hypercolumn": net(architecture="cbam unet"),
    "net ASPP U-Net": net(architecture="aspp unet", encoder="resnet18"),
    "norm group": net(norm="group"),
    "norm none": net(norm="none"),
}
"""Arms that start afresh."""


def together(*changes: Change) -> Change:
    def change(m: Member) -> Member:
        for one in changes:
            m = one(m)
        return m

    return change


def augmented(name: str, crop: float = 1.0) -> Change:
    return lambda m: with_values(m, augment=name, crop=crop)


_SOFT = together(
    learn(loss=with_values(LOSSES["1st 1:1:1"], image_bce=0.1)),
    shares((0, 0.8), (1, 0.4), between="linear"),
    augmented("3rd"),
    periods("cosine", 1),
)
CANDIDATES: Mapping[str, tuple[tuple[Change, ...], str]] = {
    "best of one: 1:1:1, falling, cosine": ((_SOFT,), "triplet and contour"),
    "best of one, pseudo-labels": ((_SOFT,), "triplet and contour"),
    "best of three": ((together(_SOFT, best_three),), "triplet and contour"),
    "best of three, pseudo-labels": ((together(_SOFT, best_three),), "triplet and contour"),
}
"""What helped alone together, one way and another; validation says which is compared with the winners' recipes."""


def _second(loss: str, positives: float) -> Change:
    return together(
        learn(loss=LOSSES[loss]), shares((0, positives)), augmented("2nd"), periods("warm restarts", 2), swa
    )


RECIPES: Mapping[str, tuple[tuple[Change, ...], str]] = {
    "recipe of the 1st": (
        (
            together(
                learn(loss=with_values(LOSSES["1st 3:1:4"], image_bce=0.1)),
                shares((0, 0.8), (0.33, 0.6), (0.67, 0.4)),
                augmented("1st"),
                periods("cosine", 2),
                best_three,
            ),
        ),
        "triplet",
    ),
    "recipe of the 2nd": ((_second("2nd classifier", 0.22), _second("2nd with head", 1.0)), "classify then segment"),
    "recipe of the 3rd, lung crop": (
        (
            together(
                learn(loss=with_values(LOSSES["3rd"], image_bce=0.1)),
                shares((0, 0.5)),
                augmented("3rd"),
                averaged(0.99),
            ),
        ),
        "plain",
    ),
    "recipe of the 4th": (
        (
            together(
                learn(loss=LOSSES["4th"]),
                shares((0, 0.8), (1, 0.22), between="linear"),
                augmented("4th", 2 / 3),
                periods("cosine", 1),
                net(norm="frozen batch"),
                best_three,
            ),
        ),
        "head and area",
    ),
    "recipe of the 5th": (
        (together(learn(loss=LOSSES["5th"]), shares((0, 0.5)), augmented("5th"), taught),),
        "maximum pixel",
    ),
    **{name: CANDIDATES[name] for name in ("best of one: 1:1:1, falling, cosine", "best of three")},
}
"""The winners' recipes on the common network, and what helped alone together: their trainings, and the rule searched.

Where there are two trainings, the first judges and the second draws, and they share the minutes."""
