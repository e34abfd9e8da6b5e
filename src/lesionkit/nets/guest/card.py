"""A model that others trained, told as ours are: the card of a MONAI bundle or of a described file; no torch is loaded.

The file that stands for a bundle is its `models/model.pt`, for a described model its `lesionkit.yaml`.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lesionkit.core.errors import LesionkitError
from lesionkit.core.untrusted import reads
from lesionkit.nets.guest.config import SUFFIXES, BundleConfig, read_config
from lesionkit.nets.guest.described_settings import DescribedSettings, read_description
from lesionkit.nets.guest.retina_settings import RetinaSettings, retina_settings
from lesionkit.nets.guest.tumour_settings import TumourSettings, tumour_settings

GuestSettings = RetinaSettings | TumourSettings | DescribedSettings
_NOTICE = "Research use only; not a medical device."
_LUNA16_MM = {"slice_distance_mm": (0.4, 2.5), "pixel_mm": (0.46, 0.98)}
"""Of LUNA16's scans: its rules leave out slices of more than 2.5 mm."""
_LICENCES = ("docs/license.txt", "docs/LICENSE", "LICENSE", "license.txt", "LICENSE.txt")
_LIMITS = [
    "Its figures are published by its maker, of the data it was made for; of other data they are far lower: detectors "
    "that were trained on LUNA16 have CPM 0.45 on DLCS and 0.49 on NLST, as published",
    "Nobody has measured it as it is run here",
]
_MARGIN_MM = 24.0
"""Kept around the lungs, so that the network sees the chest wall as in a whole scan."""


def is_guest(path: Path) -> bool:
    """Whether a file stands for a model that others trained."""
    return path.suffix in (".pt", *SUFFIXES[1:])


@reads("a model that is run")
def guest_settings(path: Path) -> GuestSettings:
    """What a network is built from, and how its input is made.

    Raises:
        LesionkitError: nothing that is run; says what was found.
    """
    if path.suffix != ".pt":
        return read_description(path)
    config, metadata = inference_config(path.parent.parent), read_metadata(path.parent.parent)
    if config.component("RetinaNet") is not None:
        return retina_settings(config)
    if config.component("TorchVisionFCModel") is not None:
        return tumour_settings(config, metadata)
    network = config.component(str(dict(config.values.get("network_def") or {}).get("_target_", "")).rpartition(".")[2])
    name = str(network["_target_"]) if network else "none that is named"
    raise LesionkitError(
        f"{config.path} must describe a RetinaNet or a TorchVisionFCModel of MONAI, the networks that are run, got "
        f"{name}; a model in TorchScript or ONNX is run with a lesionkit.yaml beside it"
    )


def inference_config(bundle: Path) -> BundleConfig:
    """The inference config of a bundle, JSON or YAML.

    Raises:
        LesionkitError: there is none, or it is damaged.
    """
    files = [bundle / "configs" / f"inference{suffix}" for suffix in SUFFIXES]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise LesionkitError(
            f"{bundle} must be a MONAI bundle with configs/inference.json, which is not there; give the whole folder "
            "or zip as it was downloaded"
        )
    return read_config(found)


def read_metadata(bundle: Path) -> Mapping[str, Any]:
    """`configs/metadata.json` of a bundle; empty where there is none."""
    file = bundle / "configs" / "metadata.json"
    return read_config(file).values if file.is_file() else {}


@reads("a model that is run")
def guest_card(path: Path) -> dict[str, Any]:
    """What a model of others says of itself, in the words of our cards: recipe, settings, origin, domain, licence.

    Raises:
        LesionkitError: it is none that is run.
    """
    settings = guest_settings(path)
    if isinstance(settings, DescribedSettings):
        return _described(settings)
    bundle = path.parent.parent
    metadata = read_metadata(bundle)
    _refuse_other_images(bundle, metadata, settings)
    told = ("name", "version", "monai_version", "data_source", "intended_use", "eval_metrics", "copyright")
    card = {
        "origin": "imported",
        "bundle": {name: metadata[name] for name in told if name in metadata},
        "network": {"is": _NAMES[type(settings)], **settings.model_dump(mode="json")},
        "licence": _licence(bundle),
        "data": _data(str(metadata.get("data_source", ""))),
        "limits": _LIMITS,
        "notice": _NOTICE,
    }
    return card | (_of_nodules(settings, metadata) if isinstance(settings, RetinaSettings) else _of_slides(settings))


_NAMES = {RetinaSettings: "RetinaNet", TumourSettings: "TorchVisionFCModel"}


def _data(source: str) -> list[dict[str, Any]]:
    """What a network learned from, as our cards have it; nothing where it does not say."""
    return [{"name": source, "synthetic": False}] if source else []


def _of_nodules(settings: RetinaSettings, metadata: Mapping[str, Any]) -> dict[str, Any]:
    x, y, z = settings.spacing_mm
    is_luna = "luna16" in str(metadata.get("data_source", "")).lower()
    # Beyond twice its spacing a network sees samples that were made up between those of the scan.
    domain = _LUNA16_MM if is_luna else {"slice_distance_mm": (0.0, 2 * z), "pixel_mm": (0.0, 2 * max(x, y))}
    return {
        "recipe": "ct-nodule",
        "settings": {
            "prepare": {"spacing_mm": [z, y, x], "margin_mm": _MARGIN_MM},
            "infer": {"threshold": settings.score},
        },
        "domain": {name: list(range_) for name, range_ in domain.items()},
    }


def _of_slides(settings: TumourSettings) -> dict[str, Any]:
    return {"recipe": "slide-metastasis", "settings": {"um": settings.um, "infer": {"tile": 1536}}}


def _described(settings: DescribedSettings) -> dict[str, Any]:
    card: dict[str, Any] = {
        "origin": "imported",
        "recipe": settings.kind,
        "network": {"is": settings.file, **settings.model_dump(mode="json")},
        "licence": settings.licence,
        "data": _data(settings.learned_from),
        "notice": _NOTICE,
    }
    if settings.kind == "ct-nodule":
        spacing = list(settings.spacing) if isinstance(settings.spacing, tuple) else settings.spacing
        return card | {"settings": {"prepare": {"spacing_mm": spacing}, "infer": {"threshold": settings.threshold}}}
    return card | {"settings": {"um": settings.spacing}}


def guest_files(path: Path) -> dict[str, Path]:
    """All that a model of others consists of: name in its folder -> file, weights first."""
    if path.suffix != ".pt":
        return {path.name: path, (name := read_description(path).file): path.parent / name}
    bundle = path.parent.parent
    told = [*sorted((bundle / "configs").glob("*")), *(bundle / name for name in _LICENCES), bundle / "docs/README.md"]
    return {file.relative_to(bundle).as_posix(): file for file in (path, *told) if file.is_file()}


def _refuse_other_images(bundle: Path, metadata: Mapping[str, Any], settings: GuestSettings) -> None:
    """Refuse a network that is run, with metadata that say it is for something else."""
    inputs = dict(dict(metadata.get("network_data_format") or {}).get("inputs") or {})
    for name, one in inputs.items():
        modality, channels = one.get("modality"), one.get("num_channels")
        wanted = ("CT", 1) if isinstance(settings, RetinaSettings) else (None, 3)
        if (wanted[0] and modality not in (None, wanted[0])) or channels not in (None, wanted[1]):
            raise LesionkitError(
                f"{bundle / 'configs' / 'metadata.json'}: the input '{name}' must be {wanted[0] or 'colour'} of "
                f"{wanted[1]} channel{'s' if wanted[1] > 1 else ''}, got {modality} of {channels}; it is a model for "
                "another kind of image"
            )


def _licence(bundle: Path) -> str:
    """The licence that lies in the bundle, by its name where it is a known one; "" where there is none."""
    file = next((bundle / name for name in _LICENCES if (bundle / name).is_file()), None)
    if file is None:
        return ""
    text = " ".join(file.read_text(encoding="utf-8", errors="replace").split())[:4000]
    if "Apache License" in text:
        return "Apache-2.0"
    return text[:80]
