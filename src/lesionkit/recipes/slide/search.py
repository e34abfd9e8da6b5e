"""One slide on disk -> its map, its marks, its outlines and what was measured; kept as files and one small record."""

import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import Image
from lesionkit.core.lesion import Candidate
from lesionkit.core.names import file_in
from lesionkit.core.region import Region
from lesionkit.core.slide_place import polygon_pixels, slide_pixels
from lesionkit.infer.marks import peaks, regions
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.nets.guest.card import is_guest
from lesionkit.nets.model_file import read_card
from lesionkit.prepare.tissue import TissueMask
from lesionkit.read.slide.whole import Slide
from lesionkit.recipes.base import Item
from lesionkit.recipes.ensemble import Net, nets_of
from lesionkit.recipes.foreign import ENTRY, tell_foreign
from lesionkit.recipes.searching import Search
from lesionkit.recipes.slide.answer import Measured
from lesionkit.recipes.slide.case import analysed, open_case, slide_facts, tissue_of, unreadable_sentence
from lesionkit.recipes.slide.map import joined_map, keep_map, probability_map, tissue_features
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.runs.records import record_file
from lesionkit.write.camelyon import write_marks
from lesionkit.write.geojson import Feature, write_geojson
from lesionkit.write.pyramid import PyramidSettings, write_pyramid

if TYPE_CHECKING:
    from lesionkit.nets.patch_net import PatchNet

_FOREIGN = 1.25
MAPS, MARKS, OUTLINES = "maps", "marks", "geojson"


@dataclass(frozen=True)
class FoundSlide:
    """What was found on one slide.

    Attributes:
        grid: of its finest level, as shown.
        origin_xy: where the shown part begins in the file.
        map_grid: of its map, which lies in `kept_map`.
        measured: what its score is made of.
        marks: strongest first, places in mm of what is shown.
        facts: of the file and its tissue; seconds per step; warnings.
        members: where several networks searched together, what was measured on the map of each, by its name; `measured`
            is of their mean.
    """

    item: Item
    grid: Grid
    origin_xy: tuple[int, int]
    map_grid: Grid
    measured: Measured
    marks: tuple[Candidate, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    members: dict[str, Measured] = field(default_factory=dict)

    @property
    def slide_id(self) -> str:
        """The case id, as tables of slides call it."""
        return self.item.case_id

    def document(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "grid": asdict(self.grid),
            "origin_xy": list(self.origin_xy),
            "map_grid": asdict(self.map_grid),
            "measured": asdict(self.measured),
            "members": {name: asdict(measured) for name, measured in self.members.items()},
            "marks": [[list(mark.centre_mm), mark.score, mark.diameter_mm] for mark in self.marks],
            "facts": self.facts,
        }

    @classmethod
    def parse(cls, item: Item, document: Mapping[str, Any]) -> "FoundSlide":
        """Inverse of `document`."""
        x, y = document["origin_xy"]
        return cls(
            item,
            Grid(**document["grid"]),
            (x, y),
            Grid(**document["map_grid"]),
            Measured(**document["measured"]),
            tuple(Candidate(tuple(place), score, diameter) for place, score, diameter in document["marks"]),
            dict(document["facts"]),
            {name: Measured(**measured) for name, measured in document["members"].items()},
        )

    @property
    def rows(self) -> list[tuple[float, float, float]]:
        """The marks as CAMELYON16 wants them: confidence, x and y in pixels from the corner of the file."""
        if not self.marks:
            return []
        places = slide_pixels([mark.centre_mm for mark in self.marks], self.grid, self.origin_xy)
        return [(mark.score, x, y) for mark, (x, y) in zip(self.marks, np.maximum(places, 0).tolist(), strict=True)]


@dataclass(frozen=True, eq=False)
class OpenedSlide:
    """A slide that is ready to be searched.

    Attributes:
        seconds: that opening it and finding its tissue took.
    """

    slide: Slide
    tissue: TissueMask
    seconds: float


def open_searched(item: Item, settings: SlideMetastasis) -> OpenedSlide:
    """Open a slide and find its tissue.

    Raises:
        LesionkitError: the slide cannot be used.
    """
    start = time.perf_counter()
    slide = open_case(item.path, settings)
    tissue = tissue_of(slide, settings)
    slide.refuse_unread()
    return OpenedSlide(slide, tissue, time.perf_counter() - start)


def search_slide(
    item: Item, opened: OpenedSlide, model: Path | Sequence[Net], settings: SlideMetastasis, folder: Path, keep: bool
) -> FoundSlide:
    """Search one slide and write its map, marks and outlines below `folder`; see `Kind.search`.

    Args:
        model: weights or `ensemble.json`, or the networks that search together.

    Raises:
        LesionkitError: the slide cannot be used.
    """
    del keep
    slide_id, out, slide, tissue = item.case_id, folder, opened.slide, opened.tissue
    refuse_foreign(model, settings)
    nets = load_committee(model)
    facts = slide_facts(slide, tissue)
    begun = time.perf_counter()
    members: dict[str, Measured] = {}
    if len(nets) == 1 and not nets[0][0]:
        found = probability_map(nets[0][1], slide, tissue.mask, settings)
    else:
        found, members = joined_map(nets, slide, tissue.mask, settings)
    slide.refuse_unread()
    first = (nets_of(model) if isinstance(model, Path) else model)[0].path
    foreign = tell_foreign(first, found.features, settings.infer.foreign, "slide", item.case_id)
    searched = time.perf_counter()
    marks, outlined = peaks(found, settings.peaks), regions(found, settings.regions)
    write_map(file_in(out / MAPS, f"{slide_id}.tif"), found)
    keep_map(kept_map(out, slide_id), found)
    write_geojson(file_in(out / OUTLINES, f"{slide_id}.geojson"), features(outlined, slide))
    seconds = {"tissue": opened.seconds, "search": searched - begun, "write": time.perf_counter() - searched}
    seconds["total"] = sum(seconds.values())
    facts |= {
        "um": round(analysed(slide, settings).grid.spacing_mm[0] * 1000, 6),
        "unreadable_tiles": slide.unreadable,
        "searched_mm2": round(found.area_mm2, 3),
        "regions": len(outlined),
        "largest_region_mm2": round(max((region.area_mm2 for region in outlined), default=0.0), 4),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "warnings": [*_warnings(facts, slide), *foreign.warnings],
        ENTRY: dict(foreign.facts),
    }
    measured = Measured.of(found, settings.answer)
    result = FoundSlide(item, slide.grid, slide.origin_xy, found.grid, measured, tuple(marks), facts, members)
    write_marks(out / MARKS, {slide_id: result.rows})
    return result


def _warnings(facts: Mapping[str, Any], slide: Slide) -> list[str]:
    """What is odd about a slide; tiles that only the search touched count too."""
    warnings = [sentence for sentence in facts["warnings"] if "could not be read" not in sentence]
    return [*warnings, unreadable_sentence(slide)] if slide.unreadable else warnings


def kept_map(out: Path, slide_id: str) -> Path:
    """Where the map of a slide lies as it was computed."""
    return record_file(out, slide_id).with_suffix(".map")


def adopt(slide_id: str, source: Path, out: Path) -> bool:
    """Take over what another search of the same run found on a slide; whether there was anything, or is already."""
    record, target_record = record_file(source, slide_id), record_file(out, slide_id)
    if target_record.is_file() or not record.is_file():
        return target_record.is_file()
    names = [f"{MAPS}/{slide_id}.tif", f"{MARKS}/{slide_id}.csv", f"{OUTLINES}/{slide_id}.geojson"]
    names += [kept_map(Path(), slide_id).as_posix(), record.relative_to(source).as_posix()]
    for name in names:
        target = file_in(out, name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(source / name, target)
        except OSError:
            # Not every file system has links.
            with replacing(target) as temporary:
                shutil.copy(source / name, temporary)
    return True


def features(outlined: Sequence[Region], slide: Slide) -> Iterator[Feature]:
    """Regions as QuPath shows them: in pixels of the finest level of what is shown, one after the other."""
    for number, region in enumerate(outlined, start=1):
        yield Feature(
            polygon_pixels(region.polygon_mm, slide.grid),
            {
                "score": region.max_score,
                "mean score": region.mean_score,
                "area mm2": region.area_mm2,
                "length mm": region.length_mm,
            },
            f"region {number}",
        )


@dataclass(frozen=True, eq=False)
class _Bytes:
    """A map as 0 to 255, so that every viewer shows it; 0 also where nothing was searched."""

    found: ProbabilityMap

    @property
    def grid(self) -> Grid:
        return self.found.grid

    def read(self, box: Box) -> NDArray[np.uint8]:
        return np.asarray(np.rint(self.found.read(box) * 255), dtype=np.uint8)


def write_map(path: Path, found: ProbabilityMap) -> Path:
    """A map as a pyramidal TIFF of 0 to 255 with its µm per pixel; it begins where the slide as shown does."""
    image: Image = _Bytes(found)
    described = "lesionkit probability of tumour, 255 is 1"
    return write_pyramid(image, path, PyramidSettings(kind="map", description=described))


@lru_cache(maxsize=32)
def load_search_net(model: Path) -> "PatchNet":
    """The network of a weights file; loaded once per process."""
    from lesionkit.nets.patch_net import PatchNet
    from lesionkit.nets.weights import load_net

    if is_guest(model):
        from lesionkit.nets.guest.slide_net import load_guest_patch_net

        return load_guest_patch_net(model)
    return load_net(model, PatchNet)[0]


def load_committee(model: Path | Sequence[Net]) -> "list[tuple[str, PatchNet, float]]":
    """Name, network and weight of all that search together; each is loaded once per process."""
    nets = nets_of(model) if isinstance(model, Path) else model
    return [(net.name, load_search_net(net.path), net.weight) for net in nets]


def refuse_foreign(model: Path | Sequence[Net], settings: SlideMetastasis) -> None:
    """Refuse to analyse slides at a magnification that a network has not learned at.

    Raises:
        LesionkitError: `um` is off by more than a quarter, and `infer.foreign` does not allow it.
    """
    if settings.infer.foreign == "allow":
        return
    for net in nets_of(model) if isinstance(model, Path) else model:
        um = dict(read_card(net.path).get("settings", {})).get("um")
        if um is not None and not 1 / _FOREIGN <= settings.um / um <= _FOREIGN:
            raise LesionkitError(
                f"slides must be analysed at about the {um:g} µm per pixel that the model learned at, got um "
                f"{settings.um:g}; leave um out, and where a slide is wrong about the size of its pixels give --mpp or "
                "--mpp-override; --set infer.foreign=allow insists"
            )


def slide_features(item: Item, opened: OpenedSlide, model: Path, settings: SlideMetastasis) -> NDArray[np.float32]:
    """What the first network of a model sees of some windows of a slide's tissue; see `Search.features`."""
    del item
    return tissue_features(load_search_net(nets_of(model)[0].path), opened.slide, opened.tissue.mask, settings)


SLIDE_SEARCH = Search("slide", FoundSlide, open_searched, search_slide, features=slide_features)
