import numpy as np
import pytest

from lesionkit.core.case import Case
from lesionkit.core.errors import LesionkitError
from lesionkit.core.grid import Grid
from lesionkit.core.image import ArrayImage
from lesionkit.infer.detect_settings import InferSettings
from lesionkit.infer.map_detector import MapDetector
from lesionkit.nets.guest.described_settings import DescribedSettings

SETTINGS = InferSettings(largest_window=100_000, threshold=0.5)


def described(**values) -> DescribedSettings:
    known = {"kind": "ct-nodule", "file": "a.ts", "spacing": 1.0, "intensity": {"range": [-1000, 0]}, "halo": 8}
    return DescribedSettings.parse({**known, "output": "probabilities", "multiple": 8, **values})


def case() -> Case:
    """A ball of 0 HU and 8 mm, its middle at (z, y, x) = (20, 30, 40), in a lung of -1000 HU."""
    z, y, x = np.ogrid[:48, :64, :80]
    ball = (z - 20) ** 2 + (y - 30) ** 2 + (x - 40) ** 2 <= 16
    grid = Grid.upright(ball.shape, (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
    return Case("a", "a", ArrayImage(grid, np.where(ball, 0, -1000).astype(np.int16)))


def same(array):
    """A model that believes in what is bright."""
    return (array.copy(),)


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"axes": "xyz"},
        {"orientation": "RAS"},
        {"axes": "xyz", "orientation": "RAS"},
        {"window": [32, 40, 48]},
    ],
)
def test_a_bright_ball_is_one_candidate_at_its_place_and_size_however_the_axes_lie(how):
    found = MapDetector(same, described(**how), SETTINGS).find(case())
    assert len(found) == 1
    np.testing.assert_allclose(found[0].centre_mm, (40, 30, 20), atol=0.1)
    assert found[0].diameter_mm == pytest.approx(8, abs=0.5)
    assert found[0].score == 1


def test_a_coarser_map_is_laid_over_its_input():
    def coarse(array):
        b, c, z, y, x = array.shape
        return (array.reshape(b, c, z // 2, 2, y // 2, 2, x // 2, 2).mean(axis=(3, 5, 7)) * 20 - 10,)

    found = MapDetector(coarse, described(output="logits"), SETTINGS).find(case())
    np.testing.assert_allclose(found[0].centre_mm, (40, 30, 20), atol=0.6)


def test_boxes_are_read_from_corner_to_corner():
    def boxes(array):
        z, y, x = (float(v) for v in np.argwhere(array[0, 0] > 0.9).mean(axis=0)) if (array > 0.9).any() else (0, 0, 0)
        score = float((array > 0.9).any())
        return np.array([[z - 3, y - 3, x - 3, z + 3, y + 3, x + 3]], np.float32), np.array([score], np.float32)

    found = MapDetector(boxes, described(output="boxes"), SETTINGS).find(case())
    np.testing.assert_allclose(found[0].centre_mm, (40, 30, 20), atol=0.1)
    assert found[0].diameter_mm == pytest.approx(6)


@pytest.mark.parametrize("output", ["logits", "boxes"])
def test_outputs_of_another_form_are_refused(output):
    detector = MapDetector(lambda array: (np.zeros((3, 3), np.float32),), described(output=output), SETTINGS)
    with pytest.raises(LesionkitError, match=r"a.ts must give .*\(3, 3\).*correct output"):
        detector.find(case())
