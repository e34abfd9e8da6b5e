"""Find the lungs of a small synthetic chest CT and compare them with the true ones.

python examples/lungs.py
"""

from lesionkit.phantoms.ct.chest import CtPhantomSettings, make_ct
from lesionkit.prepare.lung.trace import find_lungs

phantom = make_ct(seed=1, settings=CtPhantomSettings(size="small"))
grid = phantom.image.grid
truth = phantom.regions["lung"].read(grid.whole)
print(f"true lungs: {truth.sum() * grid.voxel_mm / 1e6:.2f} l")

lungs = find_lungs(phantom.image)
print(f"found lungs: {lungs.volume_l:.2f} l, {lungs.cover_ratio:.0%} of the image, preset {lungs.preset}")
print(f"inside the mask: {lungs.mask[truth].mean():.1%} of the true lungs; failure: {lungs.failure}")
