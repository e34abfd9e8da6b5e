"""A synthetic H&E slide with a metastasis: its tissue, its patches and what they hold.

    python examples/slide_phantom.py

The slide is drawn as it is read; nothing is written.
"""

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.phantoms.slide.whole import SlidePhantomSettings, make_slide, outline
from lesionkit.prepare.tissue import find_tissue
from lesionkit.sample.slide_grid import Annotated, SlideGridSettings, find_patches, slide_statistics

case = make_slide(3, SlidePhantomSettings(size_mm=2.0), stage="micro")
finest = case.image.grid
step = 16
small = case.image.read(finest.whole)[::step, ::step]
spacing = tuple(step * mm for mm in finest.spacing_mm)
overview = ArrayImage(Grid.upright(small.shape[:2], spacing, tuple(mm / 2 for mm in spacing)), small)
tissue = find_tissue(overview)
areas = ", ".join(f"{name} {mm2:.2f} mm2" for name, mm2 in tissue.areas_mm2.items() if mm2)
print(f"{case.case_id}: {finest.shape[0]} x {finest.shape[1]} pixels, {areas}")

patches = find_patches(
    finest,
    tissue.mask,
    Annotated(outline(case).sampled(step), finest),
    SlideGridSettings(patch=128),
)
print(slide_statistics({case.case_id: patches}).to_string(index=False))
