"""Heat maps of 64 µm per cell: 0.9 in the square of s1, nothing in s2."""

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo


def make(folder):
    (folder / "maps").mkdir()
    said = PngInfo()
    said.add_text("um", "64")
    for name, value in (("s1", 230), ("s2", 0)):
        cells = np.zeros((16, 16), np.uint8)
        cells[2:10, 2:10] = value
        Image.fromarray(cells).save(folder / "maps" / f"{name}_heatmap.png", pnginfo=said)
