"""Find lung nodules in chest CT: a one-stage 3-D detector made for CPUs.

    lesionkit find SCAN --out RUN                 # about 3 s a scan on two cores, with the model we ship
    lesionkit run ct-nodule DATA --out RUN        # index, prepare, train, find on the test split, score, report
    lesionkit train ct-nodule DATA --out RUN      # 2,000 steps, about 30 minutes on two cores with bf16
    lesionkit run ct-nodule LUNA16 --out RUN --set split.every_fold=true      # ten networks, one per subset folder
    lesionkit run ct-nodule DATA --out RUN --set learn.rounds=3               # learns again from what it got wrong
    lesionkit train ct-nodule DATA --out RUN --set 'members=[{name: a}, {name: b, seed: 1}]' --set learn.minutes=60

DATA is a folder of scans with annotations.csv in LUNA16's form (see `lesionkit phantom ct`). Expect a ranked table in
world millimetres, pictures and a page. Research use only; not a medical device.
"""

from lesionkit.recipes.ct.kind import CT, mined
from lesionkit.recipes.ct.settings import NAME, CtNodule
from lesionkit.recipes.flow import recipe

RECIPE = recipe(NAME, "lung nodules in chest CT", CtNodule, CT, mined)
