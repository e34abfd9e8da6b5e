"""The page of `lesionkit prepare --preview`: the lungs of a data set, the oddest first."""

from collections.abc import Iterable
from pathlib import Path

from lesionkit.report.case_page import lung_note
from lesionkit.report.gallery import LungView, lung_cuts, oddest_first
from lesionkit.report.page import LungTile
from lesionkit.report.render import write_page
from lesionkit.report.scene import Scene


def write_gallery(path: Path, views: Iterable[LungView], title: str = "Lungs") -> Path:
    """Write one self-contained page at `path`; images are read one after the other.

    Per scan an axial and a coronal cut through the middle of the lungs with the outline of the mask, the numbers of the
    segmentation, and the reason where it failed.
    """
    return write_page(Path(path), "gallery_page.html", title=title, views=[_tile(v) for v in oddest_first(views)])


def _tile(view: LungView) -> LungTile:
    told = {name: getattr(view, name) for name in ("volume_l", "left_right_ratio", "cover_ratio")}
    note = " · ".join(part for part in (lung_note(told), view.caption) if part)
    return LungTile(view.case_id, "", lung_cuts(Scene.of(view.image, view.lung)), view.failure, note)
