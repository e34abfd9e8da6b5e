"""Against MONAI's own detector, on the same random weights of a narrow network."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from monai.apps.detection.networks.retinanet_detector import RetinaNetDetector
from monai.apps.detection.utils.anchor_utils import AnchorGeneratorWithAnchorShape
from scipy.ndimage import gaussian_filter
from scipy.optimize import linear_sum_assignment

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.infer import retina, retina_maps
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.retina import RetinaDetector
from lesionkit.nets.guest.retina import make_retina
from lesionkit.nets.guest.retina_settings import RetinaSettings

# Of MONAI's own padding.
pytestmark = pytest.mark.filterwarnings("ignore:__array_wrap__:DeprecationWarning")

GIVEN = RetinaSettings(backbone="resnet10", pyramid=16, score=0.04)
EXACT = InferSettings(precision="fp32", threshold=0, limit=1000)


@pytest.fixture(scope="module")
def net():
    torch.manual_seed(0)
    made = make_retina(GIVEN).eval()
    with torch.no_grad():
        for module in made.modules():
            if isinstance(module, torch.nn.BatchNorm3d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 2)
        for head in (made.classification_head, made.regression_head):
            for parameter in head.parameters():
                if parameter.ndim > 1:
                    torch.nn.init.kaiming_normal_(parameter)
        made.regression_head.bbox_reg.weight.mul_(0.1)
        made.classification_head.cls_logits.bias.fill_(-3.5)
    return made


def hu(shape=(26, 46, 40), seed=0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=shape)
    return (gaussian_filter(noise, 1.5) * 3000 - 600).astype(np.int16)


def of_monai(net, scan: np.ndarray, **inferer) -> tuple[np.ndarray, np.ndarray]:
    """Boxes and scores of MONAI's detector, of an array (z, y, x) of LPS turned to (x, y, z) of RAS and scaled."""
    turned = np.clip((scan.transpose(2, 1, 0)[::-1, ::-1].astype(np.float32) + 1024) / 1324, 0, 1)
    detector = RetinaNetDetector(net, AnchorGeneratorWithAnchorShape(GIVEN.anchor_scales, GIVEN.anchors)).eval()
    detector.set_box_selector_parameters(GIVEN.score, GIVEN.per_level, GIVEN.overlap, GIVEN.most)
    if inferer:
        detector.set_sliding_window_inferer(**inferer)
    with torch.inference_mode():
        found = detector([torch.from_numpy(turned.copy())[None]], use_inferer=bool(inferer))[0]
    return found["boxes"].numpy(), found["labels_scores"].numpy()


def farthest(one, other) -> tuple[float, float]:
    """Largest differences of a coordinate and a score between boxes that belong together."""
    assert len(one[0]) == len(other[0]) > 5
    away = np.abs(one[0][:, None] - other[0][None]).max(axis=2) + np.abs(one[1][:, None] - other[1][None])
    rows, columns = linear_sum_assignment(away)
    return np.abs(one[0][rows] - other[0][columns]).max(), np.abs(one[1][rows] - other[1][columns]).max()


@pytest.mark.parametrize(("tile", "held"), [(6, 0), (40, 100)])
def test_a_volume_of_one_window_gives_the_boxes_of_monai_however_it_is_cut_and_held(net, monkeypatch, tile, held):
    monkeypatch.setattr(retina_maps, "_TILE", tile)
    monkeypatch.setattr(retina, "BYTES", held)
    scan = hu()
    found = RetinaDetector(net, GIVEN, EXACT, torch.device("cpu")).search(scan, np.ones(scan.shape, bool))
    boxes, scores = farthest(found, of_monai(net, scan))
    # In samples of at most 1.25 mm.
    assert boxes < 1e-2 / 1.25
    assert scores < 1e-3


def test_two_windows_give_the_maps_of_monais_sliding_window(net):
    scan = hu((24, 32, 64))
    detector = RetinaDetector(net, GIVEN, EXACT, torch.device("cpu"))
    boxes, logits = [], []
    # x is counted from the other end in RAS.
    for shift, part in ((0, scan[..., 32:]), (32, scan[..., :32])):
        ras = part.transpose(2, 1, 0)[::-1, ::-1]
        cells = detector.maps.cells(lambda box, ras=ras: detector._volume(ras, box), np.ones(ras.shape, bool), 0.04)
        for level, one in enumerate(cells):
            boxes.append(detector.boxes.decode(level, one.cells, one.anchor, one.shift, one.stride))
            boxes[-1][:, [0, 3]] += shift
            logits.append(one.logit)
    found, scores = detector.boxes.chosen(boxes, logits, (64, 32, 24))
    theirs = of_monai(net, scan, roi_size=(32, 32, 24), overlap=0.0, mode="constant")
    boxes_away, scores_away = farthest((found.numpy(), scores.numpy()), theirs)
    assert boxes_away < 1e-2
    assert scores_away < 1e-3


PART = np.zeros((26, 46, 40), bool)
PART[4:18, 6:24, 10:30] = True


@pytest.fixture(scope="module")
def in_part(net):
    return RetinaDetector(net, GIVEN, EXACT, torch.device("cpu")).search(hu(), PART)


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(4, 12), st.integers(150, 600), st.integers(0, 40_000))
def test_parts_of_any_size_and_any_bound_of_memory_give_the_same_boxes(net, in_part, monkeypatch, side, largest, held):
    with monkeypatch.context() as patched:
        patched.setattr(retina_maps, "_TILE", side)
        patched.setattr(retina_maps, "_LARGEST", largest)
        detector = RetinaDetector(net, GIVEN, EXACT, torch.device("cpu"))
        detector.maps.hold = held
        boxes, scores = farthest(detector.search(hu(), PART), in_part)
    assert boxes < 1e-2 / 1.25
    assert scores < 1e-3


def test_each_part_that_is_computed_is_told(net):
    told = []

    @contextmanager
    def pieces(total):
        told.append(total)
        yield lambda: told.append(1)

    RetinaDetector(net, GIVEN, EXACT, torch.device("cpu")).find(case(hu()), pieces)
    # Three levels; of each the features, and of both heads five layers, all of one part.
    assert told[0] == len(told[1:]) == 3 * (1 + 2 * 5)


def case(scan: np.ndarray, **regions) -> Case:
    grid = Grid.upright(scan.shape, (1.25, 0.703125, 0.703125), (-10.0, 20.0, 300.0))
    return Case("a", "a", ArrayImage(grid, scan), regions={name: ArrayImage(grid, r) for name, r in regions.items()})


def test_candidates_lie_in_the_world_where_the_boxes_lie_in_the_image(net):
    scan = hu()
    detector = RetinaDetector(net, GIVEN, EXACT, torch.device("cpu"))
    found = detector.find(case(scan))
    boxes, scores = of_monai(net, scan)
    centre = (boxes[0, :3] + boxes[0, 3:]) / 2
    # RAS indices are counted from the right and the front: world = origin + (last - index) * spacing.
    expected = (-10 + (39 - centre[0]) * 0.703125, 20 + (45 - centre[1]) * 0.703125, 300 + centre[2] * 1.25)
    np.testing.assert_allclose(found[0].centre_mm, expected, atol=1e-2)
    assert found[0].score == pytest.approx(float(scores[0]), abs=1e-3)
    sides = (boxes[0, 3:] - boxes[0, :3]) * (0.703125, 0.703125, 1.25)
    assert found[0].diameter_mm == pytest.approx(float(sides.mean()), abs=1e-2)


def test_only_what_lies_in_the_searched_part_is_found_and_most_is_not_computed(net, monkeypatch):
    scan = hu((64, 96, 96))
    part = np.zeros(scan.shape, bool)
    part[8:16, 8:16, 8:16] = True
    computed = []
    original = retina_maps.windows_over
    monkeypatch.setattr(retina_maps, "windows_over", lambda *a: computed.append(original(*a)) or computed[-1])
    found = RetinaDetector(net, GIVEN, EXACT, torch.device("cpu")).find(case(scan, searched=part, lung=part | True))
    places = np.array([candidate.centre_mm for candidate in found])
    assert len(found) > 0
    assert (places <= (-10 + 22 * 0.704, 20 + 22 * 0.704, 300 + 20 * 1.25)).all()
    cells = sum(np.prod([b.stop - b.start for b in box]) for box in computed[0])
    assert cells < 0.3 * 24 * 24 * 32


def test_a_case_without_anything_to_search_has_no_candidates(net):
    scan = hu()
    nothing = np.zeros(scan.shape, bool)
    assert RetinaDetector(net, GIVEN, EXACT, torch.device("cpu")).find(case(scan, lung=nothing)) == []
