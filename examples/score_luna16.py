"""Score a small submission by the rule of LUNA16: three scans, two nodules, four marks. No file and no torch needed.

python examples/score_luna16.py
"""

import sys

import pandas as pd

from lesionkit.evaluate.luna16 import EXACT, OFFICIAL, score_luna16

series = ["scan-1", "scan-2", "scan-3"]
nodules = pd.DataFrame(
    [("scan-1", 10.0, 20.0, -50.0, 8.0), ("scan-2", -30.0, 5.0, -80.0, 6.0)],
    columns=["seriesuid", "coordX", "coordY", "coordZ", "diameter_mm"],
)
marks = pd.DataFrame(
    [
        ("scan-1", 11.0, 20.0, -50.0, 0.9),  # 1 mm from the first nodule: a hit
        ("scan-1", 10.0, 23.0, -50.0, 0.7),  # a second hit on it counts neither way
        ("scan-3", 40.0, 40.0, -60.0, 0.6),  # a false positive in a healthy scan
        ("scan-2", -30.0, 8.0, -80.0, 0.5),  # 3 mm from a centre whose radius is 3 mm: not closer, so no hit
    ],
    columns=["seriesuid", "coordX", "coordY", "coordZ", "probability"],
)

for settings in (OFFICIAL, EXACT):
    score = score_luna16(marks, nodules, excluded=None, series=series, settings=settings)
    cpm = score.figures["cpm"]
    print(f"{score.protocol}: CPM {cpm.value:.3f}, 95 % interval {cpm.lower:.3f} to {cpm.upper:.3f}")
    print(f"  {score.counts['hits']} of {score.counts['lesions']} nodules, {score.counts['false_positives']} false")

found = set(sys.modules) & {"torch", "SimpleITK", "pydicom"}
print(f"imported beside numpy and pandas: {', '.join(found) or 'nothing heavy'}")
