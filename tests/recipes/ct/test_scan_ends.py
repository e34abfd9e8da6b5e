"""What the shipped model makes of a real scan that is cut through the upper lungs."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lesionkit.core.image import ArrayImage
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.prepare.case import prepare_ct
from lesionkit.read.scan import open_scan
from lesionkit.recipes.ct.search import load_detectors
from lesionkit.recipes.ct.settings import CtNodule
from lesionkit.runs.models import shipped_models

DATA = Path(os.environ.get("LESIONKIT_DATA", Path(__file__).parents[3] / "../shared/data"))


@pytest.mark.skipif(not (DATA / "ct").is_dir(), reason="the real data (LESIONKIT_DATA) is not on this machine")
def test_few_of_the_first_candidates_lie_where_the_scan_ends():
    """With air beyond the end half of them did, with a mirror image alone a third."""
    case = open_scan(DATA / "ct/LIDC-IDRI-0001/dicom")
    box = (slice(92, 105), *case.image.grid.whole[1:])
    part = replace(case, image=ArrayImage(case.image.grid.crop(box), case.image.array[box]))
    prepared = prepare_ct(part)
    assert prepared.facts["at_scan_end"][0] == [True, True]
    assert len(prepared.facts["warnings"]) == 2
    settings = CtNodule(infer=InferSettings(device="cpu", precision="fp32"))
    (detector,), _, _ = load_detectors(shipped_models("ct-nodule")["ct-nodule"], settings)
    found = detector.find(prepared)[:20]
    height = np.array([prepared.image.grid.world_to_index(one.centre_mm)[0] for one in found])
    top = prepared.image.grid.shape[0] - 1
    assert np.count_nonzero(height > top - 5) <= 3
    radius = np.array([one.diameter_mm / 2 for one in found])
    reaches = (height - radius < -0.5) | (height + radius > top + 0.5)
    assert [one.leaves_scan for one in found] == reaches.tolist()
