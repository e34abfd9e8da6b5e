"""A file of weights -> what finds nodules in prepared scans: our networks, MONAI's RetinaNet, or a described model."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import torch

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.lesion import Candidate
from lesionkit.core.pieces import Pieces, quiet
from lesionkit.infer.detect import NoduleDetector
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.rpn_settings import RpnInferSettings
from lesionkit.infer.two_stage_settings import TwoStageInferSettings
from lesionkit.nets.guest.card import guest_settings, is_guest
from lesionkit.nets.guest.described_settings import DescribedSettings
from lesionkit.nets.guest.retina_settings import RetinaSettings
from lesionkit.nets.weights import load_model, load_net, pick_device


class Detector(Protocol):
    """Finds nodules in prepared scans."""

    def find(self, case: Case, pieces: Pieces = quiet) -> list[Candidate]:
        """Candidates of a prepared case, strongest first; places in world millimetres, scores 0..1.

        Args:
            pieces: told how many windows or parts of layers there are, and after each that it is done.
        """
        ...


def search_all(detector: Detector, cases: Sequence[Case]) -> dict[str, list[Candidate]]:
    """Candidates per case id."""
    return {case.case_id: detector.find(case) for case in cases}


def load_detector(path: Path, settings: InferSettings) -> Detector:
    """The detector that a file stands for.

    Raises:
        LesionkitError: the file is missing, damaged, or for another kind of image.
    """
    device = pick_device(settings.device)
    if not is_guest(path):
        return _own_detector(path, settings, device)
    given = guest_settings(path)
    # MONAI takes a second to load, and our own network does without.
    if isinstance(given, RetinaSettings):
        from lesionkit.infer.retina import RetinaDetector
        from lesionkit.nets.guest.retina import load_retina

        return RetinaDetector(load_retina(path, given), given, settings, device)
    if isinstance(given, DescribedSettings) and given.kind == "ct-nodule":
        from lesionkit.infer.map_detector import MapDetector
        from lesionkit.nets.guest.script import load_script

        return MapDetector(load_script(path.parent / given.file, device), given, settings)
    raise LesionkitError(f"{path} must be a model for CT, got one for slides; is --recipe that of the model?")


def _own_detector(path: Path, settings: InferSettings, device: torch.device) -> Detector:
    """Of a network that was trained here: one that detects or proposes, or a chain of those that draw and classify."""
    if isinstance(settings, RpnInferSettings):
        from lesionkit.infer.rpn import RpnDetector
        from lesionkit.nets.rpn.rpn_net import RpnNet

        return RpnDetector(load_net(path, RpnNet)[0], settings, device)
    if not isinstance(settings, TwoStageInferSettings):
        return NoduleDetector(load_model(path)[0], settings, device)
    from lesionkit.infer.two_stage import TwoStageDetector
    from lesionkit.nets.cube.chain import Chain

    return TwoStageDetector(load_net(path, Chain)[0], settings, device)
