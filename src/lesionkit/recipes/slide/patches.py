"""Prepared slides and labelled patches -> the patches that a training shows, epoch by epoch."""

import hashlib
import io
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from PIL import Image as Picture

from lesionkit.core.errors import LesionkitError
from lesionkit.core.files import replacing
from lesionkit.core.image import Image
from lesionkit.read.patch_set import PatchSet, joined_sets, read_patch_set
from lesionkit.recipes.slide.case import PreparedSlide, analysed, open_case
from lesionkit.recipes.slide.drawn import read_truth
from lesionkit.recipes.slide.settings import SlideMetastasis
from lesionkit.runs.run_folder import RunFolder
from lesionkit.sample.mine_slide import with_hard
from lesionkit.sample.slide_cache import PackedPatches, pack_patches
from lesionkit.sample.slide_grid import Annotated, draw_patches
from lesionkit.sample.slide_patches import LabelledPatches, Normalise, SlidePatches
from lesionkit.sample.slide_stain import normaliser
from lesionkit.sample.split import split_by_patient

PACKED = "packed"
LABELLED = "labelled.npy"


@dataclass(frozen=True, eq=False)
class Labelled:
    """Labelled patches in one file that is mapped into memory.

    Attributes:
        images: uint8 (n, side, side, 3).
        labels: (n,).
        train, validation: numbers of the patches of each part; the slides they come from are not known.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.bool_]
    train: NDArray[np.int64]
    validation: NDArray[np.int64]

    def part(self, numbers: NDArray[np.int64]) -> LabelledPatches:
        """Some of them as a data set."""
        return LabelledPatches(self.images[numbers], self.labels[numbers])


def pack_labelled(run: RunFolder, folder: Path | tuple[Path, ...], settings: SlideMetastasis) -> Labelled:
    """Labelled patches of folders, cut to the side of the recipe's patches and packed into the run folder.

    Raises:
        LesionkitError: a picture cannot be read, or is smaller than the recipe's patches.
    """
    patches = joined_sets([read_patch_set(one) for one in (folder if isinstance(folder, tuple) else (folder,))])
    for sentence in patches.notes:
        run.warn(sentence)
    file, side = run.path / LABELLED, settings.patches.patch
    told = "\n".join(f"{name} {label}" for name, label in zip(patches.names, patches.labels.tolist(), strict=True))
    content = hashlib.sha256(told.encode()).hexdigest()

    def pack() -> Mapping[str, Any]:
        with replacing(file) as temporary:
            images = np.lib.format.open_memmap(temporary, "w+", np.uint8, (len(patches), side, side, 3))
            for number in range(len(patches)):
                images[number] = re_encoded(_middle(patches, number, side), settings.draw.labelled_jpeg)
            images.flush()
        return {"patches": len(patches), "with tumour": int(patches.labels.sum()), "content": content}

    if run.once("labelled patches", pack).get("content", content) != content:
        raise LesionkitError(
            f"{_told(folder)} must hold the labelled patches that the run began with; choose another --out"
        )
    named = {name: name for name in patches.names}
    parts = split_by_patient(named, {"train": 0.8, "validation": 0.2}, settings.split.seed)
    place = {name: number for number, name in enumerate(patches.names)}
    train, validation = (np.array([place[name] for name in parts[part]]) for part in ("train", "validation"))
    return Labelled(np.load(file, mmap_mode="r"), patches.labels, train, validation)


def _told(folder: Path | tuple[Path, ...]) -> str:
    return " and ".join(map(str, folder)) if isinstance(folder, tuple) else str(folder)


def re_encoded(image: NDArray[np.uint8], quality: int | None) -> NDArray[np.uint8]:
    """What is left of a picture (y, x, 3) that becomes a JPEG of this quality, its colours as fine as its grey."""
    if quality is None:
        return image
    stream = io.BytesIO()
    Picture.fromarray(image).save(stream, "JPEG", quality=quality, subsampling=0)
    with Picture.open(stream) as again:
        return np.asarray(again.convert("RGB"))


def _middle(patches: PatchSet, number: int, side: int) -> NDArray[np.uint8]:
    image = patches.image(number)
    top, left = ((n - side) // 2 for n in image.shape[:2])
    if min(top, left) < 0:
        raise LesionkitError(
            f"labelled patches must have {side} x {side} pixels or more (patches.patch), got {image.shape[1]} x "
            f"{image.shape[0]} of {patches.paths[number]}"
        )
    return image[top : top + side, left : left + side]


class Draws:
    """The patches of each epoch: a balanced draw from slides, hard negatives among them, and labelled patches.

    Args:
        slides: those that learn, or none.
        labelled: patches that are shown with them, or None.
        hard: rows of hard negatives of the rounds before.
        packed: folder of the packed cache, or None to read patches from their slides.
    """

    def __init__(
        self,
        slides: Mapping[str, PreparedSlide],
        labelled: Labelled | None,
        settings: SlideMetastasis,
        *,
        hard: pd.DataFrame | None = None,
        packed: Path | None = None,
    ) -> None:
        self.settings, self.labelled, self.hard, self.packed = settings, labelled, hard, packed
        self.tables = {name: slide.patches for name, slide in slides.items()}
        self.annotated = annotations_of(slides, settings) if packed is None else {}
        self.paths = {name: slide.entry.path for name, slide in slides.items()}
        self.normalise = stain_of(slides, settings)
        self.weights = usable_weights(self.tables, settings.draw.weights) if slides else settings.draw.weights

    def __call__(self, epoch: int) -> Any:
        """The patches of an epoch as a data set of `sample.slide_patches`."""
        draw, rng = self.settings.draw, np.random.default_rng([self.settings.learn.seed, epoch])
        count = draw.per_epoch
        if self.labelled is None or not self.tables:
            return self._of_slides(count, rng) if self.tables else self._labelled(count, rng)
        shown = round(count * draw.labelled_share)
        return self._of_slides(count - shown, rng) + self._labelled(shown, rng)

    def rows(self, count: int, rng: np.random.Generator) -> pd.DataFrame:
        """A balanced draw from the slides."""
        drawn = draw_patches(self.tables, count, rng, self.weights)
        return drawn if self.hard is None else with_hard(drawn, self.hard, self.settings.mine.hard, rng)

    def _of_slides(self, count: int, rng: np.random.Generator) -> Any:
        rows = self.rows(count, rng)
        if self.packed is not None:
            return PackedPatches(self.packed, rows)
        return self.read(rows)

    def read(self, rows: pd.DataFrame) -> SlidePatches:
        """Patches of rows, read from their slides."""
        return SlidePatches(
            rows,
            partial(open_analysed, self.paths, self.settings),
            self.annotated,
            self.settings.patches.patch,
            normalise=self.normalise,
        )

    def _labelled(self, count: int, rng: np.random.Generator) -> LabelledPatches:
        assert self.labelled is not None
        numbers = self.labelled.train
        rounds = [rng.permutation(numbers) for _ in range(-(-count // len(numbers)))]
        return self.labelled.part(np.sort(np.concatenate(rounds)[:count]))


def open_analysed(paths: Mapping[str, Path], settings: SlideMetastasis, name: str) -> Image:
    """The image of a slide that patches are read from."""
    return analysed(open_case(paths[name], settings), settings)


def annotations_of(slides: Mapping[str, PreparedSlide], settings: SlideMetastasis) -> dict[str, Annotated | None]:
    """Tumour of slides as `SlidePatches` wants it."""
    found: dict[str, Annotated | None] = {}
    for name, slide in slides.items():
        truth = read_truth(slide.entry, open_case(slide.entry.path, settings), settings.truth)
        found[name] = truth.annotated if truth is not None and truth.has_tumour else None
    return found


def usable_weights(tables: Mapping[str, pd.DataFrame], weights: tuple[float, float, float]) -> Any:
    """The weights of the draw, 0 for normal tissue that a data set does not have: all slides ill, or all tumour."""
    ill = {name for name, table in tables.items() if (table["kind"] != "normal").any()}
    has = [any((tables[name]["kind"] == "normal").any() for name in names) for names in (ill, set(tables) - ill)]
    return (weights[0], weights[1] if has[0] else 0.0, weights[2] if has[1] else 0.0)


def stain_of(slides: Mapping[str, PreparedSlide], settings: SlideMetastasis) -> Normalise | None:
    """What brings patches of these slides to one stain, None where the settings ask for none."""
    if settings.stain == "none":
        return None
    tissue = {
        name: tissue_colours(open_case(slide.entry.path, settings), slide.tissue, settings)
        for name, slide in slides.items()
    }
    return normaliser(settings.stain, tissue)


def tissue_colours(slide: Any, tissue: Image, settings: SlideMetastasis) -> NDArray[np.uint8]:
    """(1, n, 3) colours of the tissue of a slide, as its overview shows it."""
    overview = slide.overview(settings.overview.max_px, settings.overview.min_um)
    return np.asarray(overview.array[tissue.read(tissue.grid.whole)][None])


def pack_slides(run: RunFolder, slides: Mapping[str, PreparedSlide], settings: SlideMetastasis) -> Path:
    """Every patch that may be drawn, packed into one file of the run folder; done once."""
    folder = run.path / PACKED

    def pack() -> Mapping[str, Any]:
        rows = pd.concat([slide.patches.assign(slide=name) for name, slide in slides.items()], ignore_index=True)
        rows = rows[rows["kind"] != "boundary"].drop_duplicates(["slide", "row", "column"]).reset_index(drop=True)
        pack_patches(folder, Draws(slides, None, settings).read(rows), rows)
        return {"patches": len(rows)}

    run.once("pack", pack)
    return folder
