"""Find pneumothorax on chest radiographs: a small network with an image head, and a rule searched on validation.

    lesionkit find IMAGE_OR_FOLDER --recipe xray-pneumothorax --model RUN --out FOUND
    lesionkit run xray-pneumothorax DATA --out RUN        # index, prepare, train, search the rule, find on test, score
    lesionkit train xray-pneumothorax DATA --out RUN      # up to the rule; the test part stays unseen
    lesionkit run xray-pneumothorax DATA --out RUN --set learn.minutes=20      # with a budget, on two cores

DATA is SIIM-ACR's folder (DICOM and train-rle.csv) or pictures with a folder `masks` (see `lesionkit phantom xray`).
3.3 million parameters at 256 pixels, made for CPUs. Trained is what the benchmarks found best together: cross-entropy,
Dice and focal loss in equal parts, positives falling from 80 to 40 %, light augmentation, cosine, the three best epochs
averaged, a triplet with least contour area. Expect masks, probability maps, predictions.csv, SIIM's
submission.csv and a page, with Kaggle's Dice beside that of finding nothing.
Research use only; not a medical device.
"""

from lesionkit.recipes.flow import recipe
from lesionkit.recipes.xray.kind import XRAY
from lesionkit.recipes.xray.settings import XrayPneumothorax

RECIPE = recipe("xray-pneumothorax", "pneumothorax on chest radiographs", XrayPneumothorax, XRAY)
