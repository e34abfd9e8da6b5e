import numpy as np
import pytest
import torch

from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.infer import probability_map
from lesionkit.infer.dense import NetRunner, dense_windows, infer_dense
from lesionkit.infer.dense_settings import DenseSettings
from lesionkit.infer.probability_map import ProbabilityMap, cells_of, tissue_at
from lesionkit.nets.patch_net import PatchNet
from lesionkit.nets.patch_net_settings import PatchNetSettings

EXACT = DenseSettings(tile=64, precision="fp32", device="cpu")


def make(**changes) -> PatchNet:
    torch.manual_seed(0)
    net = PatchNet(PatchNetSettings.parse({"pretrained": False, "channels": (8, 16), "blocks": (1, 1), **changes}))
    return net.eval()


def picture(rows: int, columns: int) -> ArrayImage:
    grid = Grid.upright((rows, columns), (0.001, 0.001), (0.0005, 0.0005))
    return ArrayImage(grid, np.random.default_rng(0).integers(0, 256, (rows, columns, 3), dtype=np.uint8))


def tissue(mask: np.ndarray, um: float) -> ArrayImage:
    return ArrayImage(Grid.upright(mask.shape, (um / 1000, um / 1000), (um / 2000, um / 2000)), mask)


def direct(image, boxes):
    return ((box, image.read(box)) for box in boxes)


@torch.inference_mode()
def patch_wise(net: PatchNet, image: ArrayImage, row: int, column: int) -> float:
    """The net on the one patch around an output, with exactly its surroundings."""
    reach, side = net.context, max(net.stride, net.multiple)
    patch = image.array[row - reach : row + side + reach, column - reach : column + side + reach]
    colours = torch.from_numpy(patch.copy()).permute(2, 0, 1)[None].float() / 255
    place = reach // net.stride
    return float(net(colours)[0, 0, place, place].sigmoid())


@pytest.mark.parametrize("changes", [{}, {"encoder": "test_resnet", "stride": 8}])
def test_the_map_is_what_the_net_says_patch_by_patch(changes):
    net, image = make(**changes), picture(256, 320)
    found = infer_dense(net, image, None, EXACT, direct)
    assert found.array.shape == (32, 40)
    # (64, 64), (64, 192), (192, 64) … lie at seams of windows of 64.
    places = [(64, 64), (64, 192), (120, 136), (128, 184), (184, 248)]
    wanted = [patch_wise(net, image, row, column) for row, column in places]
    got = [float(found.array[row // 8, column // 8]) for row, column in places]
    assert got == pytest.approx(wanted, abs=1e-3)
    assert np.ptp(wanted) > 0.005


def test_colours_that_are_read_only_are_taken_without_a_warning():
    colours = picture(64, 64).array[None]
    run = NetRunner(make(), "fp32", "cpu")
    wanted = run(colours.copy())
    colours.flags.writeable = False
    np.testing.assert_array_equal(run(colours), wanted)


def test_the_map_does_not_depend_on_the_windows():
    net, image = make(), picture(200, 301)
    maps = [infer_dense(net, image, None, EXACT.model_copy(update={"tile": tile}), direct) for tile in (64, 128, 1024)]
    for found in maps[1:]:
        np.testing.assert_allclose(found.array, maps[0].array, atol=1e-3)
    assert [found.facts["windows"] for found in maps] == [20, 6, 1]


def test_windows_without_their_halo_show_seams():
    net, image = make(), picture(256, 256)
    whole, cut = (
        infer_dense(net, image, None, EXACT.model_copy(update={"halo": halo}), direct).array for halo in (None, 0)
    )
    difference = np.abs(whole.astype(float) - cut)
    assert difference[8].max() > 20 * 1e-3


def test_a_net_of_every_pixel_gives_means_over_cells():
    net, image = make(architecture="unet", base=2), picture(128, 128)
    fine, coarse = (
        infer_dense(net, image, None, EXACT.model_copy(update={"least_stride": stride}), direct) for stride in (1, 8)
    )
    assert (fine.array.shape, coarse.array.shape) == ((128, 128), (16, 16))
    means = fine.array.astype(float).reshape(16, 8, 16, 8).mean(axis=(1, 3))
    np.testing.assert_allclose(coarse.array, means, atol=2e-3)


def test_only_tissue_is_computed_and_the_rest_is_zero():
    mask = np.zeros((8, 8), bool)
    mask[2:4, 5] = True
    image, reads = picture(512, 512), []

    def counting(image, boxes):
        reads.extend(boxes)
        return direct(image, boxes)

    found = infer_dense(make(), image, tissue(mask, 64), EXACT, counting)
    # A sample of tissue is 64 pixels: rows 128 to 256, columns 320 to 384; cells are 8 pixels.
    wanted = np.zeros((64, 64), bool)
    wanted[16:32, 40:48] = True
    np.testing.assert_array_equal(found.computed, wanted)
    np.testing.assert_array_equal(found.array > 0, wanted)
    assert len(reads) == 2
    assert reads[0] == (slice(96, 224), slice(288, 416))


def test_cells_lie_where_their_pixels_do():
    found = infer_dense(make(), picture(100, 64), None, EXACT, direct)
    assert found.grid.shape == found.array.shape == found.computed.shape == (13, 8)
    # The second cell of a row is the pixels 8 to 15, whose middle is 12 pixels from the slide's edge.
    np.testing.assert_allclose(found.grid.index_to_world([0, 1]), [0.012, 0.004])
    np.testing.assert_array_equal(found.read((slice(0, 2), slice(3, 4))), found.array[:2, 3:4])


def test_a_slide_without_tissue_has_an_empty_map():
    found = infer_dense(make(), picture(100, 100), tissue(np.zeros((2, 2), bool), 64), EXACT, direct)
    assert not found.computed.any()
    assert (found.facts["windows"], found.facts["net_px"]) == (0, 0)


def test_progress_is_told_of_every_window():
    told = []
    infer_dense(make(), picture(128, 192), None, EXACT, direct, progress=lambda *done: told.append(done))
    assert told == [(n, 6) for n in range(1, 7)]


def test_bf16_is_near_fp32():
    net, image = make(), picture(128, 128)
    exact, fast = (
        infer_dense(net, image, None, EXACT.model_copy(update={"precision": p}), direct).array for p in ("fp32", "bf16")
    )
    np.testing.assert_allclose(exact, fast, atol=0.02)


def test_windows_have_the_halo_that_is_asked_for():
    grid, net = picture(512, 512).grid, make()
    halos = [-dense_windows(grid, None, net, DenseSettings(halo=halo))[0].start[0] for halo in (None, 0, 10)]
    assert halos == [net.context, 0, 16]


def test_a_large_map_lies_in_a_file(monkeypatch):
    monkeypatch.setattr(probability_map, "_IN_MEMORY_BYTES", 100)
    large = ProbabilityMap.empty(picture(256, 256).grid, 8)
    assert isinstance(large.array, np.memmap)
    large.put((slice(3, 4), slice(4, 6)), np.array([[0.5, 0.7]]), np.array([[True, False]]))
    assert (large.array.sum(), large.array[3, 4], np.argwhere(large.computed).tolist()) == (0.5, 0.5, [[3, 4]])
    found = infer_dense(make(), picture(128, 128), None, EXACT, direct)
    assert found.computed.all()


def test_certain_places_still_differ():
    # As float16, both would be 1.
    net = make()
    torch.nn.init.constant_(net.body.last.bias, 9.0)
    found = infer_dense(net, picture(128, 128), None, EXACT, direct)
    assert found.array.max() < 1
    assert len(np.unique(found.array)) > 100


def test_tissue_beyond_its_mask_is_none():
    cells = cells_of(picture(64, 64).grid, 8)
    np.testing.assert_array_equal(
        tissue_at(cells, (slice(0, 8), slice(4, 6)), tissue(np.ones((1, 2), bool), 20)),
        [[True, False]] * 2 + [[False, False]] * 6,
    )
