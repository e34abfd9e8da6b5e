"""Which slide of a data set is of which stage, and which is hard: shares that few slides keep too, not chances."""

from itertools import product

from lesionkit.phantoms.slide.lesion import Stage
from lesionkit.phantoms.slide.whole import SlidePhantomSettings


def quota(number: int, settings: SlidePhantomSettings) -> tuple[Stage, bool]:
    """Stage of slide `number`, from 0, and whether it is hard.

    Of every number of slides each kind has its share, up to one slide; more slides change none before them.

    >>> from collections import Counter
    >>> sorted(Counter(quota(n, SlidePhantomSettings())[0] for n in range(16)).items())
    [('itc', 2), ('macro', 4), ('micro', 4), ('negative', 6)]
    """
    ill, itc, macro = 1 - settings.normal_share, settings.itc_share, settings.macro_share
    stages: dict[Stage, float] = {
        "negative": settings.normal_share,
        "micro": ill * (1 - itc - macro),
        "macro": ill * macro,
        "itc": ill * itc,
    }
    hard = {False: 1 - settings.hard_share, True: settings.hard_share}
    shares = {(stage, is_hard): stages[stage] * hard[is_hard] for stage, is_hard in product(stages, hard)}
    made = dict.fromkeys(shares, 0)
    for place in range(number + 1):
        next_one = max(shares, key=lambda kind: (shares[kind] * (place + 1) - made[kind], shares[kind]))
        made[next_one] += 1
    return next_one
