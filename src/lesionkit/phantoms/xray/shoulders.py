"""Neck and shoulders, which a chest CT ends below or has with raised arms."""

import numpy as np
from numpy.random import Generator

from lesionkit.phantoms.xray.bones import Frame
from lesionkit.phantoms.xray.trunk import Floats


def add_shoulders(rng: Generator, line: Floats, frame: Frame, pixel_mm: float) -> None:
    """Put a neck and shoulders above and beside the lungs of line integrals (mm of water), in place."""
    rows = ((np.arange(len(line)) + 0.5) * pixel_mm)[:, None]
    away = np.abs(rows.T - frame.middle)
    wide = max(abs(frame.outer(sign, frame.top + 0.6 * frame.height) - frame.middle) for sign in (-1, 1))
    neck = rng.uniform(46, 60)
    column = 115 * np.sqrt(np.clip(1 - (away / neck) ** 2, 0, 1)) + 0.0 * rows
    spine = 20 * np.exp(-np.square(away / 16)) - 16 * np.exp(-(np.square(away / 8) ** 2))
    # From the neck the shoulder falls to the side; above that line is the room.
    fall = np.clip((away - 0.7 * neck) / (1.4 * wide - 0.7 * neck), 0, None)
    skin = frame.top - rng.uniform(38, 58) + rng.uniform(35, 70) * fall**1.2
    below = rows - skin
    flesh = 135 * np.sqrt(np.clip(below / 75, 0, 1))
    above = np.clip((frame.top - 4 - rows) / 22, 0, 1)
    top = np.hypot(column, flesh) * (0.8 + 0.2 * np.clip(away / neck, 0, 1)) + spine
    line *= np.where(away > 0.7 * neck, np.clip(below / 25, 0, 1), 1.0)
    line += (above * (top - line)).astype(np.float32)
    arms = np.clip((away - 0.85 * wide) / 30, 0, 1) * np.clip(below / 40, 0, 1)
    thick = np.clip(1 - (rows - frame.top) / (0.6 * frame.height), 0, 1)
    line += (rng.uniform(10, 60) * arms * thick).astype(np.float32)
