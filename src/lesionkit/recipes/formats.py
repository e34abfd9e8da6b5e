"""The one list of formats that findings are handed over in: which forms each takes, and what writes them."""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.handed import Balls, Handed, Mask, Outlines


@dataclass(frozen=True)
class Format:
    """A format of other programs.

    Attributes:
        summary: what it is and who opens it.
        each: form of findings -> "module:function" that writes one image, (handed, folder) -> files.
        together: form of findings -> "module:function" that writes all images of a run, (list, folder) -> files.
        networks: it holds no findings but the networks of the model.
        on_dicom: it refers to DICOM images, so what was none is written as such first.
    """

    summary: str
    each: Mapping[type[Handed], str] | None = None
    together: Mapping[type[Handed], str] | None = None
    networks: bool = False
    on_dicom: bool = False

    @property
    def forms(self) -> tuple[type[Handed], ...]:
        """The forms of findings that it takes."""
        return (Balls, Mask, Outlines) if self.networks else tuple(self.each or self.together or ())


_WRITE = "lesionkit.write.handed"

FORMATS: dict[str, Format] = {
    "dicom-seg": Format(
        "DICOM Segmentation, a segment per finding: OHIF, 3D Slicer, PACS",
        each={
            Balls: f"{_WRITE}.seg:write_seg_of_balls",
            Mask: f"{_WRITE}.seg:write_seg_of_mask",
            Outlines: f"{_WRITE}.slide_seg:write_seg_of_outlines",
        },
        on_dicom=True,
    ),
    "dicom-labelmap": Format(
        "DICOM Label Map Segmentation (2024), smaller, for programs that know it",
        each={Balls: f"{_WRITE}.seg:write_labelmap_of_balls", Mask: f"{_WRITE}.seg:write_labelmap_of_mask"},
        on_dicom=True,
    ),
    "dicom-sr": Format(
        "DICOM Structured Report (TID 1500) with the segmentation that it refers to: 3D Slicer, OHIF, PACS",
        each={Balls: f"{_WRITE}.sr:write_sr_of_balls", Mask: f"{_WRITE}.sr:write_sr_of_mask"},
        on_dicom=True,
    ),
    "dicom-ann": Format(
        "DICOM Microscopy Bulk Simple Annotations, the outlines of regions on a DICOM slide: Slim, PACS",
        each={Outlines: f"{_WRITE}.ann:write_ann_of_outlines"},
        on_dicom=True,
    ),
    "nifti": Format(
        "NIfTI label map and mask on the grid of the scan, and a table of the labels: 3D Slicer, ITK-SNAP, nnU-Net",
        each={Balls: f"{_WRITE}.nifti:write_nifti_of_balls"},
    ),
    "slicer-markups": Format(
        "markups of 3D Slicer: points, and a box around each finding",
        each={Balls: f"{_WRITE}.markups:write_markups_of_balls"},
    ),
    "luna16": Format("LUNA16's and Tianchi's submission, one table", together={Balls: f"{_WRITE}.tables:write_luna16"}),
    "rle-kaggle": Format(
        "run lengths of masks as most Kaggle challenges ask for them, one table: img, pixels",
        together={Balls: f"{_WRITE}.rle:write_rle_of_balls", Mask: f"{_WRITE}.rle:write_rle_of_masks"},
    ),
    "coco": Format(
        "COCO, one file of boxes with run lengths or polygons: FiftyOne, CVAT",
        together={Mask: f"{_WRITE}.tables:write_coco_of_masks", Outlines: f"{_WRITE}.tables:write_coco_of_outlines"},
    ),
    "geojson": Format(
        "GeoJSON with measurements, class and colour: QuPath",
        each={
            Mask: f"{_WRITE}.outlines:write_geojson_of_mask",
            Outlines: f"{_WRITE}.outlines:write_geojson_of_outlines",
        },
    ),
    "qupath-project": Format(
        "a project of QuPath with every slide and its regions",
        together={Outlines: f"{_WRITE}.qupath:write_qupath_project"},
    ),
    "ome-zarr": Format(
        "heat maps as OME-Zarr 0.5 pyramids: napari, QuPath, Vitessce",
        each={Mask: f"{_WRITE}.heat:write_zarr_of_mask", Outlines: f"{_WRITE}.heat:write_zarr_of_outlines"},
    ),
    "ome-tiff": Format(
        "heat maps as OME-TIFF: QuPath, Fiji, napari",
        each={Mask: f"{_WRITE}.heat:write_tiff_of_mask", Outlines: f"{_WRITE}.heat:write_tiff_of_outlines"},
    ),
    "onnx": Format("the networks of the model as ONNX, with what goes in and comes out: ONNX Runtime", networks=True),
}
"""Name -> format. What writes is spelled as text, so that nothing is loaded that is not asked for."""


def format_of(name: str, form: type[Handed], kind: str) -> Format:
    """The format of a name, if it takes a form of findings.

    Args:
        kind: what one image is called: "scan".

    Raises:
        LesionkitError: there is no such format, or it makes no sense for these findings; names those that do.
    """
    fit = ", ".join(known for known, format in FORMATS.items() if form in format.forms)
    if name not in FORMATS:
        raise LesionkitError(f"--to must name a format, got '{name}'; findings of a {kind} go to {fit}")
    if form not in FORMATS[name].forms:
        raise LesionkitError(f"{name} holds nothing that is found on a {kind}; such findings go to {fit}")
    return FORMATS[name]


def writer_of(table: Mapping[type[Handed], str], form: type[Handed]) -> Callable[[Any, Path], Sequence[Path]]:
    """What writes a form of findings; loaded now."""
    module, attribute = table[form].split(":")
    writer: Callable[[Any, Path], Sequence[Path]] = getattr(importlib.import_module(module), attribute)
    return writer
