"""What the winners' decision rules make of one probability map of a radiograph.

    python examples/radiograph_rules.py

A faint, wide finding and a small, certain one: which of them a rule keeps depends on how it asks. No model is needed.
"""

import numpy as np

from lesionkit.infer.decide import RULES, HeadAndArea

probability = np.full((256, 256), 0.02)
probability[20:90, 30:60] = 0.45
probability[150:170, 200:212] = 0.9

for name, rule in RULES.items():
    mask = rule(probability, p_nonempty=0.7)
    print(f"{name:24s} faint {int(mask[:128].sum()):5d} px, certain {int(mask[128:].sum()):3d} px")

# The fourth place's image head decides alone where it is sure that there is nothing.
empty = HeadAndArea()(probability, p_nonempty=0.1)
print(f"{'4th, head says empty':24s} {int(empty.sum())} px")
