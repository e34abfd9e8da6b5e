import numpy as np
import pytest
import torch
from torch import nn

from lesionkit.core.case import Case
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.infer.rpn import RpnDetector
from lesionkit.infer.rpn_settings import RpnInferSettings
from lesionkit.nets.rpn.rpn_net import RpnNet
from lesionkit.nets.rpn.rpn_net_settings import RpnNetSettings

GRID = Grid.upright((64, 96, 96), (1.0, 1.0, 1.0), origin_mm=(-30.0, 5.0, 200.0))
SMALL = RpnNetSettings(channels=(4, 4, 4, 4), blocks=(1, 1, 1, 1), up_channels=(4, 4), hidden=4)


class Brightness(nn.Module):
    """Believes in the smallest anchor of a cell as bright as 476 HU, and says that it lies a sample farther on."""

    def forward(self, volume, location):
        bright = nn.functional.max_pool3d(volume, 4)
        maps = torch.zeros(1, 15, *bright.shape[2:])
        maps[:, [0, 5, 10]] = -9.0
        maps[:, 0] = 8 * bright[:, 0] - 4
        maps[:, 3] = 0.1
        maps[:, 4] = float(np.log(0.6))
        return maps


def detector(net=None, **settings) -> RpnDetector:
    given = RpnInferSettings(device="cpu", precision="fp32", **settings)
    made = RpnDetector(RpnNet(SMALL), given, torch.device("cpu"))
    made.net = net or Brightness()
    return made


def case_with(*boxes, lung=None, facts=None) -> Case:
    hu = np.full(GRID.shape, -1000, np.int16)
    for (z, y, x), side, value in boxes:
        hu[z : z + side, y : y + side, x : x + side] = value
    regions = {} if lung is None else {"lung": ArrayImage(GRID, lung)}
    return Case("c", "p", ArrayImage(GRID, hu), regions=regions, facts=facts or {})


def test_what_an_anchor_says_becomes_a_place_in_the_world():
    (found,) = detector().find(case_with(((16, 32, 48), 4, 476)))
    np.testing.assert_allclose(found.centre_mm, GRID.index_to_world([17.5, 33.5, 50.5]), atol=1e-6)
    assert found.diameter_mm == pytest.approx(6.0)
    assert found.score == pytest.approx(1 / (1 + np.exp(-4.0)))


@pytest.mark.parametrize("largest", [100_000, 300_000, 5_000_000])
def test_margins_of_windows_are_discarded_and_no_place_is_told_twice(largest):
    boxes = [((z, y, x), 4, 476) for z, y, x in ((0, 0, 0), (16, 32, 48), (32, 48, 16), (60, 92, 92))]
    found = detector(largest_window=largest).find(case_with(*boxes))
    assert sorted(round(float(v) - 1) for one in found for v in GRID.world_to_index(one.centre_mm)[2:]) == [
        2,
        18,
        50,
        94,
    ]


def test_only_what_is_believed_above_a_logit_of_minus_three_is_told():
    # 8 × scaled − 4 is −3 at −180 HU or so: scaled 0.125.
    faint, fainter = (float(scaled * 750 - 274) for scaled in (0.14, 0.11))
    assert len(detector().find(case_with(((16, 32, 48), 4, int(faint))))) == 1
    assert len(detector().find(case_with(((16, 32, 48), 4, int(fainter))))) == 0


def test_of_proposals_that_overlap_the_strongest_stays():
    case = case_with(((16, 32, 48), 4, 476), ((16, 32, 52), 4, 300))
    (found,) = detector().find(case)
    assert found.score == pytest.approx(1 / (1 + np.exp(-4.0)))
    assert len(detector(overlap=0.9, merge=0.0, merge_mm=0.0).find(case)) == 2


def test_windows_that_do_not_touch_the_lungs_are_not_searched():
    lung = np.zeros(GRID.shape, bool)
    lung[:, :, :32] = True
    told = []

    class Counted(Brightness):
        def forward(self, volume, location):
            told.append(volume.numel())
            return super().forward(volume, location)

    found = detector(Counted()).find(case_with(((16, 32, 20), 4, 476), ((16, 32, 80), 4, 476), lung=lung))
    assert len(found) == 1
    assert sum(told) < 64 * 96 * 96 * 1.5


def test_the_network_is_told_where_in_the_scan_it_looks_also_in_a_mirror():
    places = []

    class Told(Brightness):
        def forward(self, volume, location):
            places.append(location)
            return super().forward(volume, location)

    lung = np.zeros(GRID.shape, bool)
    lung[16:48, 32:64, 32:64] = True
    detector(Told(), halo=0, flip=True).find(case_with(lung=lung))
    there, back = places
    assert there.shape == (1, 3, 8, 8, 8)
    # The middle of samples 16 to 19 of 64.
    assert float(there[0, 0, 0, 0, 0]) == pytest.approx((17.5 + 0.5) / 64 - 0.5)
    assert float(there[0, 2, 0, 0, 7]) == pytest.approx((61.5 + 0.5) / 96 - 0.5)
    torch.testing.assert_close(back, there.flip(4))


def test_a_mirrored_scan_gives_the_same_places():
    torch.manual_seed(0)
    net = RpnNet(SMALL.model_copy(update={"location": False}))
    nn.init.normal_(net.head.weight, std=0.5)
    made = RpnDetector(net, RpnInferSettings(device="cpu", precision="fp32", flip=True, halo=0), torch.device("cpu"))
    hu = np.random.default_rng(0).normal(-700, 300, (32, 32, 32)).astype(np.int16)
    said = made._seen(ArrayImage(Grid.upright((32,) * 3, (1.0,) * 3), hu), (0, 0, 0), (32, 32, 32), False)
    turned = ArrayImage(Grid.upright((32,) * 3, (1.0,) * 3), np.ascontiguousarray(hu[:, :, ::-1]))
    mirrored = made._seen(turned, (0, 0, 0), (32, 32, 32), False).flip(4)
    mirrored[:, 3] *= -1
    torch.testing.assert_close(said, mirrored, atol=1e-4, rtol=1e-4)


def test_looked_at_again_a_place_keeps_its_belief_and_does_not_move():
    case = case_with(((16, 32, 48), 4, 476))
    (once,), (again,) = detector().find(case), detector(look_again=4).find(case)
    assert again.score == pytest.approx(once.score, abs=1e-6)
    assert again.centre_mm == once.centre_mm


def test_what_reaches_beyond_the_end_of_the_scan_is_told():
    ends = [[True, True], [False, False], [False, False]]
    inside, cut = (detector().find(case_with(((z, 32, 48), 4, 476), facts={"at_scan_end": ends}))[0] for z in (20, 0))
    assert (inside.leaves_scan, cut.leaves_scan) == (False, True)


def test_where_nothing_is_believed_nothing_is_found():
    assert detector().find(case_with()) == []
