"""One slide on disk -> its map, its marks, its outlines and what was measured; kept as files and one small record."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing, write_text
from lesionkit.core.grid import Box, Grid
from lesionkit.core.image import Image
from lesionkit.core.lesion import Candidate
from lesionkit.core.region import Region
from lesionkit.core.slide_place import polygon_pixels, slide_pixels
from lesionkit.engine.map import Outcome, map_cases, workers
from lesionkit.infer.marks import peaks, regions
from lesionkit.infer.probability_map import ProbabilityMap
from lesionkit.read.slide.whole import Slide
from lesionkit.recipes.slide.ahead import Ahead, Opened, open_searched
from lesionkit.recipes.slide.answer import Measured
from lesionkit.recipes.slide.case import analysed, slide_facts, unreadable_sentence
from lesionkit.recipes.slide.ensemble import Committee, committee_of
from lesionkit.recipes.slide.map import joined_map, keep_map, probability_map
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.write.camelyon import write_marks
from lesionkit.write.geojson import Feature, write_geojson
from lesionkit.write.pyramid import PyramidSettings, write_pyramid

if TYPE_CHECKING:
    from lesionkit.nets.patch_net import PatchNet

MAPS, MARKS, OUTLINES, RECORDS = "maps", "marks", "geojson", "cases"


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

    path: Path
    slide_id: str
    grid: Grid
    origin_xy: tuple[int, int]
    map_grid: Grid
    measured: Measured
    marks: tuple[Candidate, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)
    members: dict[str, Measured] = field(default_factory=dict)

    @property
    def rows(self) -> list[tuple[float, float, float]]:
        """The marks as CAMELYON16 wants them: confidence, x and y in pixels from the corner of the file."""
        if not self.marks:
            return []
        places = slide_pixels([mark.centre_mm for mark in self.marks], self.grid, self.origin_xy)
        return [(mark.score, x, y) for mark, (x, y) in zip(self.marks, np.maximum(places, 0).tolist(), strict=True)]


def search_slide(
    path: Path,
    slide_id: str,
    settings: SlideMetastasis,
    model: Path | Committee,
    out: Path,
    opened: Callable[[Path], Opened] | None = None,
) -> FoundSlide:
    """Search one slide and write its map, marks and outlines below `out`.

    Args:
        model: weights or `ensemble.json`, or the networks that search together.
        opened: gives the slide, which it may have opened before.

    Raises:
        LesionkitError: the slide cannot be used.
    """
    nets = load_committee(model)
    start = time.perf_counter()
    ready = opened(path) if opened is not None else open_searched(path, settings)
    slide, tissue = ready.slide, ready.tissue
    slide.refuse_unread()
    facts = slide_facts(slide, tissue)
    begun = time.perf_counter()
    members: dict[str, Measured] = {}
    if len(nets) == 1 and not nets[0][0]:
        found = probability_map(nets[0][1], slide, tissue.mask, settings)
    else:
        found, members = joined_map(nets, slide, tissue.mask, settings)
    slide.refuse_unread()
    searched = time.perf_counter()
    marks, outlined = peaks(found, settings.peaks), regions(found, settings.regions)
    write_map(out / MAPS / f"{slide_id}.tif", found)
    keep_map(kept_map(out, slide_id), found)
    write_geojson(out / OUTLINES / f"{slide_id}.geojson", features(outlined, slide))
    done = time.perf_counter()
    seconds = {"tissue": ready.seconds, "search": searched - begun, "write": done - searched, "total": done - start}
    facts |= {
        "um": round(analysed(slide, settings).grid.spacing_mm[0] * 1000, 6),
        "unreadable_tiles": slide.unreadable,
        "searched_mm2": round(found.area_mm2, 3),
        "regions": len(outlined),
        "largest_region_mm2": round(max((region.area_mm2 for region in outlined), default=0.0), 4),
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "warnings": _warnings(facts, slide),
    }
    measured = Measured.of(found, settings.answer)
    result = FoundSlide(path, slide_id, slide.grid, slide.origin_xy, found.grid, measured, tuple(marks), facts, members)
    write_marks(out / MARKS, {slide_id: result.rows})
    return result


def _warnings(facts: Mapping[str, Any], slide: Slide) -> list[str]:
    """What is odd about a slide; tiles that only the search touched count too."""
    warnings = [sentence for sentence in facts["warnings"] if "could not be read" not in sentence]
    return [*warnings, unreadable_sentence(slide)] if slide.unreadable else warnings


def kept_map(out: Path, slide_id: str) -> Path:
    """Where the map of a slide lies as it was computed."""
    return out / RECORDS / f"{slide_id}.map"


def search_and_keep(
    item: tuple[str, Path],
    settings: SlideMetastasis,
    model: Path | Committee,
    out: Path,
    opened: Callable[[Path], Opened] | None = None,
) -> None:
    """Search one of many slides; one whose record is there already is not searched again."""
    slide_id, path = item
    file = record_file(out, slide_id)
    if not file.is_file():
        write_record(file, search_slide(path, slide_id, settings, model, out, opened))


def record_file(out: Path, slide_id: str) -> Path:
    """Where what was found on a slide is written last."""
    return out / RECORDS / f"{slide_id}.json"


def adopt(slide_id: str, source: Path, out: Path) -> bool:
    """Take over what another search of the same run found on a slide; whether there was anything, or is already."""
    if record_file(out, slide_id).is_file():
        return True
    if not record_file(source, slide_id).is_file():
        return False
    names = [f"{MAPS}/{slide_id}.tif", f"{MARKS}/{slide_id}.csv", f"{OUTLINES}/{slide_id}.geojson"]
    for name in (*names, f"{RECORDS}/{slide_id}.map", f"{RECORDS}/{slide_id}.json"):
        target = out / name
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

    return load_net(model, PatchNet)[0]


def load_committee(model: Path | Committee) -> "list[tuple[str, PatchNet, float]]":
    """Name, network and weight of all that search together; each is loaded once per process."""
    nets = committee_of(model) if isinstance(model, Path) else model
    return [(net.name, load_search_net(net.path), net.weight) for net in nets]


def write_record(file: Path, found: FoundSlide) -> None:
    """Keep what was found. Inverse of `read_record`."""
    record = {
        "path": str(found.path),
        "slide_id": found.slide_id,
        "grid": asdict(found.grid),
        "origin_xy": list(found.origin_xy),
        "map_grid": asdict(found.map_grid),
        "measured": asdict(found.measured),
        "members": {name: asdict(measured) for name, measured in found.members.items()},
        "marks": [[list(mark.centre_mm), mark.score, mark.diameter_mm] for mark in found.marks],
        "facts": found.facts,
    }
    write_text(file, json.dumps(record, indent=1) + "\n")


def read_record(file: Path) -> FoundSlide:
    """What was found on one slide.

    Raises:
        LesionkitError: the record is damaged.
    """
    try:
        record: Mapping[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        x, y = record["origin_xy"]
        return FoundSlide(
            Path(record["path"]),
            record["slide_id"],
            Grid(**record["grid"]),
            (x, y),
            Grid(**record["map_grid"]),
            Measured(**record["measured"]),
            tuple(Candidate(tuple(place), score, diameter) for place, score, diameter in record["marks"]),
            dict(record["facts"]),
            {name: Measured(**measured) for name, measured in record.get("members", {}).items()},
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LesionkitError(f"{file} is damaged ({error}); delete it and run the same command again") from error


def search_all(
    items: Mapping[str, Path], settings: SlideMetastasis, model: Path | Committee, out: Path
) -> Iterator[Outcome[tuple[str, Path], None]]:
    """The outcomes of `search_and_keep` for many slides, as they become ready.

    Where one slide is searched at a time, the next is opened meanwhile; several at a time overlap by themselves.
    """
    work = partial(search_and_keep, settings=settings, model=model, out=out)
    if settings.engine.backend == "ray" or workers(settings.engine) > 1 < len(items):
        yield from map_cases(work, list(items.items()), settings.engine, "searching")
        return
    waiting = [path for slide_id, path in items.items() if not record_file(out, slide_id).is_file()]
    with Ahead(waiting, partial(open_searched, settings=settings)) as ahead:
        yield from map_cases(partial(work, opened=ahead), list(items.items()), settings.engine, "searching")
