"""MONAI bundles and described models: configs with the names and values of the published ones, weights of zeros."""

import json
import pickle
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_TRANSFORMS = [
    {"_target_": "LoadImaged", "keys": "image"},
    {"_target_": "Orientationd", "keys": "image", "axcodes": "RAS"},
    {"_target_": "Spacingd", "keys": "image", "pixdim": [0.703125, 0.703125, 1.25], "_disabled_": "@resampled"},
    {"_target_": "ScaleIntensityRanged", "a_min": -1024.0, "a_max": 300.0, "b_min": 0.0, "b_max": 1.0, "clip": True},
]
_NODULE = {
    "raw": False,
    "resampled": "$(not @raw)",
    "imports": ["$import os"],
    "bundle_root": ".",
    "device": "$torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')",
    "spatial_dims": 3,
    "size_divisible": [16, 16, 8],
    "infer_patch_size": [512, 512, 192],
    "anchor_generator": {
        "_target_": "monai.apps.detection.utils.anchor_utils.AnchorGeneratorWithAnchorShape",
        "feature_map_scales": [1, 2, 4],
        "base_anchor_shapes": [[6, 8, 4], [8, 6, 5], [10, 10, 6]],
    },
    "backbone": "$monai.networks.nets.resnet.resnet10(spatial_dims=3,n_input_channels=1,conv1_t_stride=[2,2,1],"
    "conv1_t_size=[7,7,7])",
    "feature_extractor": "$monai.apps.detection.networks.retinanet_network.resnet_fpn_feature_extractor("
    "@backbone,3,False,[1,2],None)",
    "network_def": {
        "_target_": "RetinaNet",
        "spatial_dims": "@spatial_dims",
        "num_classes": 1,
        "num_anchors": 3,
        "feature_extractor": "@feature_extractor",
        "size_divisible": "@size_divisible",
    },
    "network": "$@network_def.to(@device)",
    "detector": {"_target_": "RetinaNetDetector", "network": "@network", "anchor_generator": "@anchor_generator"},
    "detector_ops": [
        "$@detector.set_target_keys(box_key='box', label_key='label')",
        "$@detector.set_box_selector_parameters(score_thresh=0.02,topk_candidates_per_level=1000,nms_thresh=0.22,"
        "detections_per_img=300)",
        "$@detector.set_sliding_window_inferer(roi_size=@infer_patch_size,overlap=0.25,sw_batch_size=1)",
    ],
    "preprocessing": {"_target_": "Compose", "transforms": _TRANSFORMS},
}
_TUMOUR = {
    "patch_size": [224, 224],
    "device": "$torch.device('cpu')",
    "network_def": {
        "_target_": "TorchVisionFCModel",
        "model_name": "resnet18",
        "num_classes": 1,
        "use_conv": True,
        "pretrained": True,
    },
    "network": "$@network_def.to(@device)",
    "preprocessing": {
        "_target_": "Compose",
        "transforms": [
            {"_target_": "ScaleIntensityRanged", "a_min": 0.0, "a_max": 255.0, "b_min": -1.0, "b_max": 1.0},
        ],
    },
}
_METADATA = {
    "nodule": {
        "version": "0.6.8",
        "monai_version": "1.4.0",
        "name": "Lung nodule CT detection",
        "data_source": "https://luna16.grand-challenge.org/Home/",
        "intended_use": "This is an example, not to be used for diagnostic purposes",
        "network_data_format": {"inputs": {"image": {"modality": "CT", "num_channels": 1}}},
    },
    "tumour": {
        "version": "0.6.1",
        "monai_version": "1.4.0",
        "name": "Pathology tumor detection",
        "data_source": "Camelyon dataset",
        "network_data_format": {"inputs": {"image": {"num_channels": 3}}},
    },
}


class _Code:
    """What runs code when it is unpickled by a reader that lets it."""

    def __reduce__(self) -> tuple[Any, tuple[str, str]]:
        return (open, ("code-was-run", "w"))


def bundle(
    folder: Path,
    path: str,
    of: str = "nodule",
    config: Mapping[str, Any] | None = None,
    metadata: Mapping[str, Any] | None = None,
    weights: str = "zeros",
    bias: float = -8.0,
    zip: str | None = None,
    outside: str | None = None,
) -> None:
    """A bundle, or a zip of one.

    Args:
        of: nodule or tumour.
        config, metadata: entries put in place of those of the published ones; null takes one out.
        weights: zeros; missing; cut off; code, which a careless reader would run; renamed, with other names; or nan.
        bias: of the logits, which with weights of zeros is what every cell says.
        zip: name of a zip that holds it instead.
        outside: name of a further member of the zip.
    """
    root = folder / path
    values = _changed(_NODULE if of == "nodule" else _TUMOUR, config)
    for name, held in (("inference", values), ("metadata", _changed(_METADATA[of], metadata))):
        file = root / "configs" / f"{name}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(held))
    (root / "LICENSE").write_text("Apache License\nVersion 2.0, January 2004\n")
    if weights != "missing":
        _weights(root / "models" / "model.pt", of, weights, bias)
    if zip is not None:
        with zipfile.ZipFile(folder / zip, "w") as archive:
            for file in sorted(root.rglob("*")):
                archive.write(file, file.relative_to(root.parent).as_posix())
            if outside is not None:
                archive.writestr(outside, "out")


def _changed(values: Mapping[str, Any], given: Mapping[str, Any] | None) -> dict[str, Any]:
    both = {**values, **(given or {})}
    return {name: value for name, value in both.items() if value is not None}


def _weights(file: Path, of: str, how: str, bias: float) -> None:
    import torch

    file.parent.mkdir(parents=True, exist_ok=True)
    if how == "code":
        # Not torch.save: that is how it would be sent.
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps({"model": _Code()}))
            archive.writestr("archive/version", "3")
        return
    state = {}
    for name, value in _shapes(of).items():
        one = 1.0 if name.endswith("running_var") else 0.0
        if name.endswith(("cls_logits.bias", "fc.bias")):
            one = bias
        # One number, seen as a whole tensor: the file stays small.
        state[name] = torch.full((), one, dtype=value.dtype).expand(value.shape)
    if how == "renamed":
        state = {name.replace("fpn", "pyramid").replace("fc.", "last."): value for name, value in state.items()}
    if how == "nan":
        first = next(iter(state))
        state[first] = torch.full((), float("nan")).expand(state[first].shape)
    torch.save(state, file)
    if how == "cut off":
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _shapes(of: str) -> dict[str, Any]:
    """Names and shapes of the weights, without making them."""
    import torch

    with torch.device("meta"):
        if of == "nodule":
            from lesionkit.nets.guest.retina import make_retina
            from lesionkit.nets.guest.retina_settings import RetinaSettings

            return dict(make_retina(RetinaSettings(backbone="resnet10")).state_dict())
        from lesionkit.nets.guest.slide_net import make_tumour_model
        from lesionkit.nets.guest.tumour_settings import TumourSettings

        return dict(make_tumour_model(TumourSettings()).state_dict())
