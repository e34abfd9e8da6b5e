"""Make a small synthetic chest CT with known nodules, then put two more nodules into it as if it were a real scan.

python examples/ct_phantom.py
"""

from lesionkit.phantoms.ct.chest import CtPhantomSettings, insert_nodules, make_ct

phantom = make_ct(seed=4, settings=CtPhantomSettings(size="small", healthy_share=0.0))
grid = phantom.image.grid
print(f"{phantom.case_id}: {grid.shape} samples, {grid.spacing_mm} mm, kernel {phantom.facts['kernel']}")
for lesion in phantom.truth or ():
    x, y, z = lesion.centre_mm
    kind = ", ".join(str(value) for value in lesion.facts.values())
    print(f"  {lesion.lesion_id} at ({x:.1f}, {y:.1f}, {z:.1f}) mm, {lesion.diameter_mm:.1f} mm, {kind}")

lung = phantom.regions["lung"].read(grid.whole)
more = insert_nodules(phantom, lung, count=2, seed=1)
print(f"inserted {len(more.truth or ())} nodules; the {len(more.excluded)} findings known before are now excluded")
