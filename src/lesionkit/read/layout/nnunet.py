"""The layouts of nnU-Net (versions 1 and 2), of the Medical Segmentation Decathlon, and of nnDetection.

imagesTr/CASE_0000.nii.gz is the first channel of CASE, labelsTr/CASE.nii.gz its label map, dataset.json says what the
labels are. The Decathlon leaves _0000 out. nnDetection numbers lesions one by one, and labelsTr/CASE.json says of which
class each is.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import parse_yaml, reads
from lesionkit.core.untrusted import told as wrong
from lesionkit.read.layout.entry import ImageSet, SetEntry
from lesionkit.read.truth.lesion_words import lesion_values

_DESCRIPTIONS = ("dataset.json", "dataset.yaml", "dataset.yml")
_PARTS = (("imagesTr", "labelsTr"), ("imagesTs", "labelsTs"))
_CHANNEL = re.compile(r"_(\d{4})$")
_SUFFIXES = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".png", ".tif", ".tiff", ".bmp")


@reads("a data set as nnU-Net has it")
def read_nnunet(data: Path, lesion_labels: Sequence[str] = ()) -> ImageSet | None:
    """The images of a data set in one of these layouts; None where it is in none.

    Args:
        lesion_labels: names of the labels that are lesions; none: those whose names say so.

    Raises:
        LesionkitError: dataset.json is damaged, no label is one of lesions, or there is no image.
    """
    description = next((data / name for name in _DESCRIPTIONS if (data / name).is_file()), None)
    root = data / "raw_splitted" if (data / "raw_splitted").is_dir() else data
    if description is None or not (root / "imagesTr").is_dir():
        return None
    told = _told(description)
    if "labels" not in told:
        return None
    classes = next(root.glob("labelsTr/*.json"), None) is not None
    try:
        names = _names(told["labels"], keep_zero=classes)
        values = lesion_values(names, lesion_labels)
    except LesionkitError as error:
        raise LesionkitError(f"{description}: {error}") from error
    channel, notes = _ct_channel(told)
    entries = tuple(
        _with_truth(name, file, root / labels, None if classes and len(values) == len(names) else values, classes)
        for images, labels in _PARTS
        for name, file in _images(root / images, channel)
    )
    if not entries:
        raise LesionkitError(f"{root / 'imagesTr'} must hold images such as CASE_0000.nii.gz, but holds none")
    return ImageSet("nnDetection" if classes else "nnU-Net", description, entries, tuple(notes))


def _told(description: Path) -> Mapping[str, Any]:
    try:
        text = description.read_text(encoding="utf-8")
        told = json.loads(text) if description.suffix == ".json" else parse_yaml(text)[0]
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise LesionkitError(f"{description} must be readable, got {wrong(error)}") from error
    return told if isinstance(told, dict) else {}


def _names(labels: Any, keep_zero: bool) -> dict[int, str]:
    """Value -> name, of {"nodule": 1} and of {"1": "nodule"} alike; regions of several values have each of them."""
    found: dict[int, str] = {}
    for one, other in dict(labels).items():
        name, numbers = (other, one) if str(one).isdigit() else (one, other)
        try:
            values = [int(number) for number in (numbers if isinstance(numbers, list) else [numbers])]
        except (TypeError, ValueError) as error:
            raise LesionkitError(f"a label must be a number and a name, got {one!r}: {other!r}") from error
        for value in values:
            # What several regions have is called after all of them.
            found[value] = f"{found[value]}, {name}" if value in found else str(name)
    if not keep_zero:
        found.pop(0, None)
    return {value: name for value, name in found.items() if name.lower() != "ignore"}


def _ct_channel(told: Mapping[str, Any]) -> tuple[str, list[str]]:
    """The channel that is read, and a sentence where others are passed over or it is not called CT."""
    channels = told.get("channel_names") or told.get("modality") or told.get("modalities") or {"0": "CT"}
    named = {str(number): str(name) for number, name in dict(channels).items()}
    chosen = next((number for number, name in named.items() if name.upper() == "CT"), min(named, default="0"))
    notes = []
    if len(named) > 1:
        rest = ", ".join(name for number, name in named.items() if number != chosen)
        notes.append(f"of several channels {named[chosen]} is read; {rest} is passed over")
    return f"{int(chosen):04d}", notes


def _images(folder: Path, channel: str) -> Iterator[tuple[str, Path]]:
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    for file in files:
        suffix = next((s for s in _SUFFIXES if file.name.lower().endswith(s)), None)
        if suffix is None or file.name.startswith("."):
            continue
        name = file.name[: -len(suffix)]
        found = _CHANNEL.search(name)
        if found is None or found[1] == channel:
            yield _CHANNEL.sub("", name), file


def _with_truth(name: str, file: Path, folder: Path, values: frozenset[int] | None, has_classes: bool) -> SetEntry:
    labels = next((folder / f"{name}{s}" for s in _SUFFIXES if (folder / f"{name}{s}").is_file()), None)
    if labels is None:
        return SetEntry(name, file)
    if not has_classes:
        return SetEntry(name, file, labels, values or frozenset())
    return SetEntry(name, file, labels, _instances(folder / f"{name}.json", values), instances=True)


def _instances(file: Path, values: frozenset[int] | None) -> frozenset[int]:
    """Numbers of the lesions among the things that are numbered one by one."""
    try:
        classes = {int(number): int(kind) for number, kind in json.loads(file.read_text())["instances"].items()}
    except FileNotFoundError:
        classes = {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise LesionkitError(f"{file} must say of which class each instance is, got {error!r}") from error
    wanted = frozenset(number for number, kind in classes.items() if values is None or kind in values)
    # No number is 0, so that a case without lesions has none that count.
    return wanted or frozenset({-1})
